"""An agent's place in one call: everything that Atlas and Media Bot do alike while they are in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from livekit import rtc
from livekit.agents import JobContext

from agents.alive import Heartbeat
from agents.fence import SelfFence
from agents.rpc import Method, RpcMethods
from contract.facts import Fact, FactKind, FactSource
from contract.rooms import JobMetadata
from engine.call_signals import CallSignals
from engine.outbox import FactOutbox
from engine.settings import EngineSettings

log = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0
# Who leaves with facts untold takes along how the call ended. Temporal may be away for a while.
_UNTOLD_PATIENCE = 120.0


class Presence:
    """Fence and outbox from the job's first moment, heartbeat and RPC once the room is joined."""

    def __init__(self, ctx: JobContext, job: JobMetadata, engine: EngineSettings) -> None:
        self._ctx = ctx
        self.job = job
        ctx.log_context_fields = {
            "call_id": job.call_id,
            "role": job.role.value,
            "generation": job.generation,
        }
        self._fence = SelfFence()
        # Whoever joins after the call's room was closed opens it anew, and would wait there alone.
        self._signals = CallSignals(
            engine, job.call_id, on_over=lambda: self.leave("the call is over")
        )
        self._outbox = FactOutbox(
            self._signals.deliver,
            source=FactSource(job.role.value),
            generation=job.generation,
        )
        self._heartbeat = Heartbeat(ctx.room, job.role, job.generation)
        self._rpc: RpcMethods | None = None
        self._leaving: asyncio.Task[None] | None = None

    @property
    def room(self) -> rtc.Room:
        return self._ctx.room

    def start(self) -> None:
        self._fence.start()
        self._outbox.start()

    def appear(self, methods: Mapping[str, Method]) -> None:
        """Be seen and reachable by the others, once the room is joined."""
        self._heartbeat.start()
        self._rpc = RpcMethods(self._ctx.room, methods)
        self._rpc.start()

    async def aclose(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            await asyncio.gather(self._leaving, return_exceptions=True)
        if self._rpc is not None:
            await self._rpc.aclose()
            self._rpc = None
        await self._heartbeat.aclose()
        await self._outbox.aclose(FLUSH_SECONDS)
        self._fence.aclose()

    def tell(self, kind: FactKind, **data: object) -> Fact:
        return self._outbox.post(kind, data)

    async def acknowledged(self, fact: Fact) -> None:
        await self._outbox.acknowledged(fact)

    def leave(self, reason: str) -> None:
        """Go as soon as the workflow knows all that this agent knows."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave_when_told(reason), name="leaving")

    async def _leave_when_told(self, reason: str) -> None:
        try:
            await asyncio.wait_for(self._outbox.emptied(), _UNTOLD_PATIENCE)
        except TimeoutError:
            log.warning("nobody takes this agent's facts")
        log.info("leaving the call", extra={"reason": reason})
        self._ctx.shutdown(reason)
