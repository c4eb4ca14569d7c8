"""The human of a call in its room: a web caller, or a phone whose legs others tell of."""

from __future__ import annotations

from contract.calls import Direction
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import Fact, ParticipantSeen
from workflows.state.core import CallCore
from workflows.state.leaving import THROWN_OUT, Gone
from workflows.state.phone import PhoneFacts

# LiveKit ends a participant for these reasons when the same person comes in again, or will.
_COMING_BACK = frozenset({"DUPLICATE_IDENTITY", "MIGRATION", "STATE_MISMATCH", "SERVER_SHUTDOWN"})


class People:
    def __init__(self, core: CallCore, phone: PhoneFacts) -> None:
        self._core = core
        self._phone = phone
        self.present = False
        self.sid = ""
        self.left_sids: set[str] = set()

    def joined(self, fact: Fact, who: ParticipantSeen) -> None:
        core = self._core
        if who.identity != core.request.human_identity or who.sid in self.left_sids:
            return
        self.sid = who.sid or self.sid
        if self.present:
            return
        self.present = True
        if self._phone.is_ordered:
            core.room_reopened |= core.room_closed  # it rings, and nobody is there any more
            self._phone.came()
            return  # its ringing and its answer are told by the bridge
        core.note(fact, "caller", "The caller joined the room.")
        if core.request.direction is Direction.WEB:
            core.answer(who.joined_at or fact.at)

    def left(self, fact: Fact, who: ParticipantSeen) -> None:
        core = self._core
        if who.identity != core.request.human_identity:
            return
        if who.sid:
            self.left_sids.add(who.sid)
            if self.sid and who.sid != self.sid:
                return  # an earlier connection of somebody who has come back since
        if self._phone.is_ordered:
            self.present = False
            self._phone.has_left(fact.at, who.disconnect_reason)
            return
        if who.disconnect_reason in _COMING_BACK:
            self.present = False
            return
        # Whoever left had been there, even when the news of the arrival is late.
        if core.request.direction is Direction.WEB and who.joined_at:
            core.answer(who.joined_at)
        lost = who.disconnect_reason == "CONNECTION_TIMEOUT"
        if who.disconnect_reason in THROWN_OUT:
            self._over(
                fact,
                CallEnding(
                    EndedReason.OPERATOR_TERMINATED,
                    EndedBy.OPERATOR,
                    "Somebody removed the caller or the room in LiveKit.",
                ),
            )
        else:
            self._gone(
                fact, "The caller's connection broke." if lost else "The caller left the room."
            )

    def are_gone(self, fact: Fact) -> None:
        """The watch sees nobody."""
        self._gone(fact, "Nobody was left in the room.")

    def room_vanished(self, fact: Fact) -> None:
        """The watch finds no room and nobody told that it closed: LiveKit lost it."""
        self._core.room_vanished = self._core.ending is None
        ending = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN, "The room vanished.")
        self._over(fact, ending)

    def room_finished(self, fact: Fact) -> None:
        core, sid = self._core, str(fact.data.get("room_sid", ""))
        if sid and core.room_sid and sid != core.room_sid:
            return  # a namesake from before
        if core.answered_at is None and not self._phone.is_ordered:
            text = "The room closed before anybody came."
            self._over(fact, CallEnding(EndedReason.NO_ANSWER, EndedBy.CALLER, text))
        else:
            # LiveKit closes a room only after its last human; the news of that got lost.
            self._gone(fact, "The room closed.")

    def _gone(self, fact: Fact, detail: str) -> None:
        if self._phone.is_ordered:
            self.present = False
            self._phone.has_gone(Gone(fact.at, ""))
            return
        if self._core.request.direction is Direction.OUTBOUND:
            ending = CallEnding(EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE, detail)
        else:
            ending = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, detail)
        self._over(fact, ending)

    def _over(self, fact: Fact, ending: CallEnding) -> None:
        self.present = False
        if self._phone.is_ordered:
            self._phone.has_gone(Gone(fact.at, "", ending))
        else:
            self._core.end(ending, fact.at)
