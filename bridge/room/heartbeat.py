"""`agent.alive`: that this process lives, for those who cannot see it any other way."""

from __future__ import annotations

import asyncio
import contextlib
import json

from livekit import rtc

from contract.rooms import PHONE_ALIVE, Topic

_PATIENCE = 1.0  # s
_PAYLOAD = json.dumps({"role": PHONE_ALIVE, "generation": 1})


class Heartbeat:
    def __init__(self, room: rtc.Room, interval: float) -> None:
        self._room = room
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._beat(), name="phone_heartbeat")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _beat(self) -> None:
        while True:
            # While the room reconnects publishing fails, or hangs; the next beat is due anyway.
            # Whatever else goes wrong: a heart that stands still ends the call.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_PATIENCE):
                    await self._room.local_participant.publish_data(
                        _PAYLOAD, topic=Topic.AGENT_ALIVE
                    )
            await asyncio.sleep(self._interval)
