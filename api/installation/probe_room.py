"""A room that lives for the moment of a question."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
from livekit import api

from contract.probes import ProbeAnswer, probe_room

LIVEKIT_TROUBLE = (api.TwirpError, aiohttp.ClientError, TimeoutError)

_PATIENCE = 2.5
_LOOK_EVERY = 0.05
# Should we die before we remove it.
_EMPTY_TIMEOUT = 10


async def ask_through_room(
    livekit: api.LiveKitAPI, subject: str, agents: Sequence[api.RoomAgentDispatch] = ()
) -> ProbeAnswer | None:
    """None when nobody answered in time. Raises one of LIVEKIT_TROUBLE."""
    async with asyncio.timeout(_PATIENCE + 0.5), _room(livekit, subject, agents) as name:
        return await _answer_in(livekit, name)


@asynccontextmanager
async def _room(
    livekit: api.LiveKitAPI, subject: str, agents: Sequence[api.RoomAgentDispatch]
) -> AsyncIterator[str]:
    name = probe_room(subject, secrets.token_hex(8))
    request = api.CreateRoomRequest(name=name, empty_timeout=_EMPTY_TIMEOUT, agents=agents)
    await livekit.room.create_room(request)
    try:
        yield name
    finally:
        with suppress(*LIVEKIT_TROUBLE):
            await livekit.room.delete_room(api.DeleteRoomRequest(room=name))


async def _answer_in(livekit: api.LiveKitAPI, name: str) -> ProbeAnswer | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while loop.time() < deadline:
        found = await livekit.room.list_rooms(api.ListRoomsRequest(names=[name]))
        for room in found.rooms:
            if answer := ProbeAnswer.parse(room.metadata):
                return answer
        await asyncio.sleep(_LOOK_EVERY)
    return None
