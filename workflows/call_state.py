"""What a call knows of itself. Facts come in in any order, twice or late; this makes sense of them.

No Temporal in here: the state can be tested with nothing but facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contract.calls import CallRequest, CallStatus, Direction, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import Fact, FactKind, ParticipantSeen, UsageItem
from contract.identity import AgentRole, parse_agent_identity
from workflows.journal import Journal

# LiveKit ends a participant for these reasons when the same person comes in again, or will.
_COMING_BACK = frozenset({"DUPLICATE_IDENTITY", "MIGRATION", "STATE_MISMATCH", "SERVER_SHUTDOWN"})
_THROWN_OUT = frozenset({"PARTICIPANT_REMOVED", "ROOM_DELETED", "ROOM_CLOSED"})


@dataclass(slots=True)
class AgentPost:
    """One agent's place in the call, whoever fills it."""

    role: AgentRole
    generation: int = 1
    came: bool = False  # it is in the room, whoever told
    ready: bool = False  # it said itself that it can be spoken to
    lost: bool = False
    failure: str = ""

    def next_generation(self) -> None:
        self.generation += 1
        self.came = self.ready = self.lost = False
        self.failure = ""


@dataclass(slots=True)
class CallState:
    request: CallRequest
    journal: Journal
    status: CallStatus = CallStatus.QUEUED
    room_sid: str = ""
    room_asked_for: bool = False
    room_opened: bool = False
    room_closed: bool = False
    room_reopened: bool = False
    agents: dict[AgentRole, AgentPost] = field(
        default_factory=lambda: {role: AgentPost(role) for role in AgentRole}
    )
    stale_agents: list[str] = field(default_factory=list)
    human_present: bool = False
    human_sid: str = ""
    left_sids: set[str] = field(default_factory=set)
    answered_at: datetime | None = None
    opening_started: bool = False
    generations_ready: set[int] = field(default_factory=set)  # of Atlas
    usage: dict[int, tuple[UsageItem, ...]] = field(default_factory=dict)
    recording: RecordingStatus = RecordingStatus.NOT_REQUESTED
    ending: CallEnding | None = None
    ended_at: datetime | None = None
    seen: set[str] = field(default_factory=set)

    @property
    def atlas(self) -> AgentPost:
        return self.agents[AgentRole.ATLAS]

    @property
    def talk_seconds(self) -> float:
        """By the facts' own clocks; never negative, even when two clocks disagree."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return round(max(0.0, (self.ended_at - self.answered_at).total_seconds()), 3)

    @property
    def usage_items(self) -> tuple[UsageItem, ...]:
        return tuple(item for generation in sorted(self.usage) for item in self.usage[generation])

    # --- Facts -----------------------------------------------------------------------------------

    def apply(self, fact: Fact) -> None:
        if self._heard_before(fact):
            return
        match fact.kind:
            case FactKind.PARTICIPANT_JOINED | FactKind.HUMANS_PRESENT:
                self._joined(fact, ParticipantSeen.from_data(fact.data))
            case FactKind.PARTICIPANT_LEFT:
                self._left(fact, ParticipantSeen.from_data(fact.data))
            case FactKind.HUMANS_GONE:
                self._human_left(fact, "Nobody was left in the room.")
            case FactKind.ROOM_FINISHED:
                self._room_finished(fact)
            case FactKind.ROOM_GONE:
                self._room_vanished(fact)
            case FactKind.AGENTS_GONE:
                self._agents_gone(fact)
            case FactKind.ROOM_REPLACED:
                self.room_sid = str(fact.data.get("room_sid", self.room_sid))
                self.note(fact, "platform", "LiveKit restarted: the room is a new one.")
            case FactKind.AGENT_READY:
                self._agent_came(fact, self._role(fact), fact.generation)
            case FactKind.AGENT_FAILED:
                self._agent_failed(fact)
            case FactKind.OPENING_STARTED:
                self.opening_started = True
                self.note(fact, "assistant", "Atlas opens the conversation.")
            case FactKind.ASSISTANT_ENDED:
                self.end(
                    CallEnding(
                        EndedReason.ASSISTANT_HUNG_UP,
                        EndedBy.ASSISTANT,
                        "The assistant ended the call.",
                    ),
                    fact.at,
                )
            case FactKind.SILENCE_TIMEOUT:
                self.end(
                    CallEnding(
                        EndedReason.SILENCE_TIMEOUT,
                        EndedBy.ASSISTANT,
                        "The caller stayed silent after every reprompt.",
                    ),
                    fact.at,
                )
            case FactKind.USAGE_REPORTED:
                self._usage_reported(fact)
            case FactKind.CANCEL_REQUESTED:
                detail = str(fact.data.get("detail") or "The call was withdrawn.")
                self.end(
                    CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, detail),
                    fact.at,
                )
            case FactKind.RECORDING_CHANGED:
                self.recording = RecordingStatus(str(fact.data.get("status")))

    def end(self, ending: CallEnding, at: datetime) -> None:
        """The first ending is the call's ending; whatever comes later only followed from it."""
        if self.ending is not None:
            return
        self.ending = ending
        self.ended_at = max(at, self.answered_at) if self.answered_at else at

    def note(
        self, fact: Fact, actor: str, text: str, *, can_wait: bool = False, **data: Any
    ) -> None:
        data["source"] = fact.source.value
        self.journal.note(fact.at, actor, fact.kind.value, text, data, can_wait=can_wait)

    def _heard_before(self, fact: Fact) -> bool:
        keys = {fact.id}
        if fact.seq:
            keys.add(f"{fact.source}/{fact.generation}/{fact.seq}")
        if not self.seen.isdisjoint(keys):
            return True
        self.seen |= keys
        return False

    # --- Humans ----------------------------------------------------------------------------------

    def _joined(self, fact: Fact, who: ParticipantSeen) -> None:
        agent = parse_agent_identity(who.identity)
        if agent is not None:
            self._agent_came(fact, *agent)
            return
        if who.identity != self.request.human_identity or who.sid in self.left_sids:
            return
        self.human_sid = who.sid or self.human_sid
        if self.human_present:
            return
        self.human_present = True
        self.note(fact, "caller", "The caller joined the room.")
        if self.request.direction is Direction.WEB:
            self._answered(who.joined_at or fact.at)

    def _answered(self, at: datetime) -> None:
        if self.answered_at is None and self.ending is None:
            self.answered_at = at
            self.status = CallStatus.IN_PROGRESS

    def _left(self, fact: Fact, who: ParticipantSeen) -> None:
        agent = parse_agent_identity(who.identity)
        if agent is not None:
            self._agent_left(fact, *agent)
            return
        if who.identity != self.request.human_identity:
            return
        if who.sid:
            self.left_sids.add(who.sid)
            if self.human_sid and who.sid != self.human_sid:
                return  # an earlier connection of somebody who has come back since
        if who.disconnect_reason in _COMING_BACK:
            self.human_present = False
            return
        # Whoever left had been there, even when the news of the arrival is late.
        if self.request.direction is Direction.WEB and who.joined_at:
            self._answered(who.joined_at)
        if who.disconnect_reason in _THROWN_OUT:
            self.human_present = False
            self.end(
                CallEnding(
                    EndedReason.OPERATOR_TERMINATED,
                    EndedBy.OPERATOR,
                    "Somebody removed the caller or the room in LiveKit.",
                ),
                fact.at,
            )
            return
        lost = who.disconnect_reason == "CONNECTION_TIMEOUT"
        self._human_left(
            fact, "The caller's connection broke." if lost else "The caller left the room."
        )

    def _human_left(self, fact: Fact, detail: str) -> None:
        self.human_present = False
        self.end(self._hung_up_by_human(detail), fact.at)

    def _hung_up_by_human(self, detail: str) -> CallEnding:
        if self.request.direction is Direction.OUTBOUND:
            return CallEnding(EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE, detail)
        return CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, detail)

    def _room_vanished(self, fact: Fact) -> None:
        """The watch finds no room and nobody told that it closed: LiveKit lost it."""
        self.human_present = False
        self.end(
            CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN, "The room vanished."), fact.at
        )

    def _room_finished(self, fact: Fact) -> None:
        sid = str(fact.data.get("room_sid", ""))
        if sid and self.room_sid and sid != self.room_sid:
            return  # a namesake from before
        if self.answered_at is None:
            ending = CallEnding(
                EndedReason.NO_ANSWER, EndedBy.CALLER, "The room closed before anybody came."
            )
        else:
            # LiveKit closes a room only after its last human; the news of that got lost.
            ending = self._hung_up_by_human("The room closed.")
        self.human_present = False
        self.end(ending, fact.at)

    # --- Agents ----------------------------------------------------------------------------------

    @staticmethod
    def _role(fact: Fact) -> AgentRole:
        return AgentRole(fact.source.value)

    def _agent_came(self, fact: Fact, role: AgentRole, generation: int) -> None:
        post = self.agents[role]
        if generation < post.generation:
            self.stale_agents.append(f"{role.value}-{generation}")
            return
        if generation > post.generation or post.lost:
            return
        if fact.kind is FactKind.AGENT_READY:
            post.ready = True
            if role is AgentRole.ATLAS:
                self.generations_ready.add(generation)
        if post.came:
            return
        post.came = True
        # LiveKit makes the room anew for an agent that was on its way while we closed it.
        self.room_reopened |= self.room_closed
        # Its first words, or the call's end, will be written soon.
        text = f"{role.display_name} is here."
        self.note(fact, "platform", text, can_wait=True, generation=generation)

    def _agent_left(self, fact: Fact, role: AgentRole, generation: int) -> None:
        post = self.agents[role]
        if generation != post.generation or post.lost:
            return
        post.lost = True
        if self.ending is None:
            self.note(fact, "platform", f"{role.display_name} is gone.", generation=generation)

    def _agent_failed(self, fact: Fact) -> None:
        post = self.agents[self._role(fact)]
        if fact.generation != post.generation:
            return
        post.lost = True
        post.failure = str(fact.data.get("error", ""))[:300]
        name = post.role.display_name
        self.note(fact, "platform", f"{name} failed: {post.failure}", generation=fact.generation)

    def _agents_gone(self, fact: Fact) -> None:
        """The watch sees the human alone; whoever was here has left without a word."""
        for role, post in self.agents.items():
            if role.value in fact.data.get("roles", ()) and post.came and not post.lost:
                post.lost = True
                text = f"{role.display_name} is gone."
                self.note(fact, "platform", text, generation=post.generation)

    def _usage_reported(self, fact: Fact) -> None:
        items = fact.data.get("items")
        if not isinstance(items, list):
            raise ValueError("A usage report without items.")
        self.usage[fact.generation] = tuple(
            UsageItem(**{key: str(item.get(key, "")) for key in UsageItem.__dataclass_fields__})
            for item in items
            if isinstance(item, dict)
        )
