"""What a call knows of itself. Facts come in in any order, twice or late; this makes sense of them.

No Temporal in here: the state can be tested with nothing but facts. Each topic has a file of its
own in `workflows/state`.
"""

from __future__ import annotations

from datetime import datetime

from contract.calls import CallRequest, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import Fact, FactKind, ParticipantSeen
from contract.identity import parse_agent_identity
from contract.steps import SettleBill
from workflows.journal import Journal
from workflows.state.agents import AgentPost, Agents
from workflows.state.core import CallCore
from workflows.state.holds import Holds
from workflows.state.media import MediaFacts
from workflows.state.people import People
from workflows.state.phone import PhoneFacts
from workflows.state.transcription import Transcription

_ASSISTANT_ENDED = CallEnding(
    EndedReason.ASSISTANT_HUNG_UP, EndedBy.ASSISTANT, "The assistant ended the call."
)
_SILENCE = CallEnding(
    EndedReason.SILENCE_TIMEOUT,
    EndedBy.ASSISTANT,
    "The caller stayed silent after every reprompt.",
)


class CallState(CallCore):
    def __init__(self, request: CallRequest, journal: Journal) -> None:
        super().__init__(request, journal)
        self.agents = Agents(self)
        self.phone = PhoneFacts(self)
        self.people = People(self, self.phone)
        self.holds = Holds(self)
        self.transcription = Transcription(self, self.agents)
        self.media = MediaFacts(self)
        self._seen: set[str] = set()

    @property
    def atlas(self) -> AgentPost:
        return self.agents.atlas

    def bill_order(self, at: datetime, *, knows_holds: bool = True) -> SettleBill:
        """All that the bill is made of, as it is known at that moment. Who learned of the call by
        its facts alone does not know its holds: an operator's are none."""
        request = self.request
        return SettleBill(
            call_id=request.call_id,
            tenant_id=request.tenant_id,
            direction=request.direction,
            provider=request.provider,
            answered_at=self.answered_at,
            ended_at=self.ended_at or at,
            settled_at=at,
            usage=self.agents.usage_items,
            usage_complete=self.agents.usage_complete,
            recorded=self.recording is not RecordingStatus.NOT_REQUESTED,
            usage_missing=self.agents.usage_missing,
            agents=self.agents.stays,
            held=self.holds.held if knows_holds else None,
        )

    def apply(self, fact: Fact) -> None:
        """Raises ValueError, TypeError or KeyError for a fact that makes no sense."""
        if self._heard_before(fact):
            return
        match fact.kind:
            case FactKind.PARTICIPANT_JOINED | FactKind.HUMANS_PRESENT:
                self._joined(fact)
            case FactKind.PARTICIPANT_LEFT:
                self._left(fact)
            case FactKind.HUMANS_GONE:
                self.people.are_gone(fact)
            case FactKind.ROOM_FINISHED:
                self.people.room_finished(fact)
            case FactKind.ROOM_GONE:
                self.people.room_vanished(fact)
            case FactKind.ROOM_REPLACED:
                self.room_sid = str(fact.data.get("room_sid", self.room_sid))
                self.note(fact, "platform", "LiveKit restarted: the room is a new one.")
            case FactKind.ASSISTANT_ENDED:
                self.end(_ASSISTANT_ENDED, fact.at)
            case FactKind.SILENCE_TIMEOUT:
                self.end(_SILENCE, fact.at)
            case FactKind.CANCEL_REQUESTED:
                detail = str(fact.data.get("detail") or "The call was withdrawn.")
                self.end(CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, detail), fact.at)
            case FactKind.RECORDING_CHANGED:
                self.recording = RecordingStatus(str(fact.data.get("status")))
            case _:
                self._apply_to_agents(fact)
                self._apply_to_phone(fact)

    def _apply_to_agents(self, fact: Fact) -> None:
        match fact.kind:
            case FactKind.AGENT_READY:
                self.agents.is_ready(fact)
            case FactKind.AGENT_FAILED:
                self.agents.has_failed(fact)
            case FactKind.AGENTS_GONE:
                self.agents.are_gone(fact)
            case FactKind.AGENT_LOST:
                self.agents.is_unheard(fact)
            case FactKind.OPENING_STARTED:
                self.agents.opens(fact)
            case FactKind.USAGE_REPORTED:
                self.agents.report_usage(fact)
            case FactKind.PLAYBACK_STARTED | FactKind.PLAYBACK_ENDED | FactKind.PLAYBACK_FAILED:
                self.media.told(fact)
            case (
                FactKind.TRANSCRIPTION_DEGRADED
                | FactKind.TRANSCRIPTION_RESTORED
                | FactKind.NEGATIVE_RUN
            ):
                self.transcription.told(fact)
            case FactKind.HOLD_REQUESTED:
                self.holds.asked_by_assistant(fact)

    def _apply_to_phone(self, fact: Fact) -> None:
        match fact.kind:
            case FactKind.RINGING:
                self.phone.rings(fact)
            case FactKind.ANSWERED:
                self.phone.is_answered(fact)
            case FactKind.HELD | FactKind.RESUMED:
                self.holds.told(fact)
            case FactKind.DTMF:
                self.phone.pressed(fact)
            case FactKind.QUALITY:
                self.phone.sounds(fact)
            case FactKind.CONNECTION_CHANGED:
                self.phone.connection_changed(fact)
            case FactKind.LEG_ENDED:
                self.phone.has_ended(fact)
            case FactKind.PHONE_LOST:
                self.phone.is_unheard(fact)

    def _joined(self, fact: Fact) -> None:
        who = ParticipantSeen.from_data(fact.data)
        agent = parse_agent_identity(who.identity)
        if agent is not None:
            self.agents.has_come(fact, *agent)
        else:
            self.people.joined(fact, who)

    def _left(self, fact: Fact) -> None:
        who = ParticipantSeen.from_data(fact.data)
        agent = parse_agent_identity(who.identity)
        if agent is not None:
            self.agents.has_left(fact, *agent)
        else:
            self.people.left(fact, who)

    def _heard_before(self, fact: Fact) -> bool:
        keys = {fact.id}
        if fact.seq:
            keys.add(f"{fact.source}/{fact.generation}/{fact.seq}")
        if not self._seen.isdisjoint(keys):
            return True
        self._seen |= keys
        return False
