from __future__ import annotations

from typing import Any

from livekit.agents import AutoSubscribe, JobContext

from agents.job import with_call_id
from agents.presence import Presence
from agents.watching import CallWatch
from contract.facts import FactKind
from contract.rooms import JobMetadata
from engine.settings import EngineSettings


class MediaBotCall:
    """Media Bot in one call. It leaves when the room ends."""

    def __init__(self, ctx: JobContext, job: JobMetadata, engine: EngineSettings) -> None:
        self._ctx = ctx
        self._job = job
        self._engine = engine
        self._presence: Presence | None = None
        self._watch: CallWatch | None = None

    async def start(self) -> None:
        # Nothing is subscribed until something asks for it: media_bot.txt's transcription will.
        await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        self._job = await with_call_id(self._job, self._ctx.room)
        self._presence = Presence(self._ctx, self._job, self._engine)
        self._presence.start()
        self._presence.appear({})
        self._presence.tell(FactKind.AGENT_READY)
        self._watch = CallWatch(
            self._ctx, self._job.human_identity, self._job.call_id, self._tell, agents=True
        )
        self._watch.start()

    async def aclose(self) -> None:
        if self._watch is not None:
            await self._watch.aclose()
            self._watch = None
        if self._presence is not None:
            await self._presence.aclose()
            self._presence = None

    def _tell(self, kind: FactKind, data: dict[str, Any]) -> None:
        if self._presence is not None:
            self._presence.tell(kind, **data)
