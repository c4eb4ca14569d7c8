"""One call whose agents and caller are acted: the real messages, in a hall without media."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from temporalio.service import RPCError, RPCStatusCode

from contract.calls import HangupCommand
from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen, UsageItem
from contract.identity import CALLER_IDENTITY, AgentRole, agent_identity
from engine.outbox import FactOutbox
from tests.bench.figures import Measured
from tests.bench.load import Load
from tests.bench.starting import start

_ENDS_WITHIN = 60.0
_USAGE = tuple(
    UsageItem(what=what, provider=provider, model="acted", quantity=quantity, unit=unit)
    for what, provider, quantity, unit in (
        ("stt", "deepgram", "4.5", "audio_seconds"),
        ("llm", "groq", "1200", "input_tokens"),
        ("llm", "groq", "60", "output_tokens"),
        ("tts", "elevenlabs", "180", "characters"),
    )
)


class NotStarted(RuntimeError):
    pass


class ActedCall:
    """Agents' facts go through their own outbox, straight to Temporal; the hall sends webhooks."""

    def __init__(self, load: Load, call_id: str) -> None:
        assert load.hall is not None
        self.call_id = call_id
        self._hall = load.hall
        self._workflow = load.bench.temporal.get_workflow_handle(call_id)
        self._atlas = self._outbox(FactSource.ATLAS)
        self._media_bot = self._outbox(FactSource.MEDIA_BOT)
        self._caller: dict[str, Any] = {}

    @classmethod
    async def begin(cls, load: Load, row: Measured) -> ActedCall:
        """Until the caller is in the room and Atlas speaks. Raises NotStarted."""
        opened = await start(load.http, row)
        if opened is None:
            raise NotStarted(row.failures[-1])
        call = cls(load, opened.call_id)
        await call._agents_come()
        await call._caller_joins()
        return call

    async def caller_leaves(self) -> None:
        """Returns when the call is settled."""
        await self._hall.leave(self.call_id, CALLER_IDENTITY)
        seen = self._seen(disconnect_reason="CLIENT_INITIATED")
        self._atlas.post(FactKind.PARTICIPANT_LEFT, seen.to_data())
        await self.wrapped_up()

    async def hang_up(self) -> None:
        """An operator's command, straight to Temporal; returns when it was answered."""
        await self._workflow.execute_update("hangup", HangupCommand("bench", "load"))

    async def wrapped_up(self) -> None:
        """Atlas, told to end or alone, says what it used; returns when all is settled."""
        self._atlas.post(FactKind.USAGE_REPORTED, {"items": [asdict(item) for item in _USAGE]})
        async with asyncio.timeout(_ENDS_WITHIN):
            await self._workflow.result()
        await self.aclose()

    async def aclose(self) -> None:
        await self._atlas.aclose()
        await self._media_bot.aclose()

    async def _agents_come(self) -> None:
        for role, outbox in (
            (AgentRole.ATLAS, self._atlas),
            (AgentRole.MEDIA_BOT, self._media_bot),
        ):
            is_atlas = role is AgentRole.ATLAS  # Media Bot publishes only what it plays
            await self._hall.join(self.call_id, agent_identity(role, 1), publishes=is_atlas)
            outbox.start()
            await outbox.acknowledged(outbox.post(FactKind.AGENT_READY))

    async def _caller_joins(self) -> None:
        self._caller = await self._hall.join(self.call_id, CALLER_IDENTITY)
        self._atlas.post(FactKind.PARTICIPANT_JOINED, self._seen().to_data())
        await self._atlas.acknowledged(self._atlas.post(FactKind.OPENING_STARTED))

    def _seen(self, *, disconnect_reason: str = "") -> ParticipantSeen:
        return ParticipantSeen(
            identity=CALLER_IDENTITY,
            sid=self._caller["sid"],
            participant_kind=ParticipantKind.STANDARD,
            disconnect_reason=disconnect_reason,
        )

    def _outbox(self, source: FactSource) -> FactOutbox:
        async def deliver(facts: Sequence[Fact]) -> None:
            try:
                await self._workflow.signal("facts", [fact.to_dict() for fact in facts])
            except RPCError as refused:
                if refused.status is not RPCStatusCode.NOT_FOUND:
                    raise  # else the call is over, as agents/call_signals.py knows

        return FactOutbox(deliver, source=source, generation=1)
