"""What Media Bot asks of LiveKit's server about the call's room."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from livekit import api
from livekit.agents import JobContext

from contract.rooms import Attribute

log = logging.getLogger(__name__)

# What has left the track is still on its way through the callers' jitter buffers.
_LAST_SAMPLES_WAY = 0.5
_ATTEMPTS, _BETWEEN_ATTEMPTS = 5, 0.5


class CallRoom:
    def __init__(self, ctx: JobContext, identity: str) -> None:
        self._ctx = ctx
        self._identity = identity

    async def mark_done(self, command_id: str) -> None:
        try:
            await self._ctx.api.room.update_participant(
                api.UpdateParticipantRequest(
                    room=self._ctx.room.name,
                    identity=self._identity,
                    attributes={Attribute.MEDIA_DONE.value: command_id},
                )
            )
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            # Who is gone needs no mark; else a successor may play it once more.
            log.info("a play could not be marked as done", extra={"error": type(error).__name__})

    async def close(self) -> None:
        """The workflow learns of it from the room's webhooks."""
        await asyncio.sleep(_LAST_SAMPLES_WAY)
        for _ in range(_ATTEMPTS):
            try:
                room = self._ctx.room.name
                await self._ctx.api.room.delete_room(api.DeleteRoomRequest(room=room))
                return
            except api.TwirpError as refused:
                if refused.code == api.TwirpErrorCode.NOT_FOUND:
                    return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(_BETWEEN_ATTEMPTS)
        log.warning("the room could not be closed")
