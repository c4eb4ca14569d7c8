"""The heartbeat by which Atlas, Media Bot and phone see each other, twice a second."""

from __future__ import annotations

import asyncio
import contextlib
import json

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from contract.identity import AgentRole
from contract.rooms import Topic

INTERVAL = 0.5


class Heartbeat:
    def __init__(self, room: rtc.Room, role: AgentRole, generation: int) -> None:
        self._room = room
        self._payload = json.dumps({"role": role, "generation": generation})
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._beat(), name="heartbeat")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _beat(self) -> None:
        while True:
            # While the room reconnects publishing fails; the next beat is due anyway.
            with contextlib.suppress(PublishDataError, RuntimeError):
                await self._room.local_participant.publish_data(
                    self._payload, topic=Topic.AGENT_ALIVE
                )
            await asyncio.sleep(INTERVAL)
