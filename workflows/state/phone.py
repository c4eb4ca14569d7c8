"""The phone of a call, as its bridge tells of it: rings, answers, ends. Times are the bridge's.

Of a phone of LiveKit SIP Atlas tells in the bridge's stead, who sees what it says in the room; and
that it leaves the room is its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contract.calls import CallStatus, Provider
from contract.endings import CallEnding, EndedBy, EndedReason, ending_from_leg
from contract.facts import Fact, moment_of
from contract.phone import PAUSE, LegReport
from workflows.state.core import CallCore

# How a leg ends that we ourselves end, when the call is over for whatever reason.
_OUR_WRAP_UP = frozenset({"hung-up", "cancelled", "removed", "room-closed"})
_GIVEN_UP = frozenset({"cancelled", "no-answer"})
# LiveKit's reasons (DisconnectReason) for who was thrown out, as the bridge calls them.
THROWN_OUT = {
    "PARTICIPANT_REMOVED": "removed",
    "ROOM_DELETED": "room-closed",
    "ROOM_CLOSED": "room-closed",
}
_BY_ITSELF = "CLIENT_INITIATED"
_THROWN_OUT = CallEnding(
    EndedReason.OPERATOR_TERMINATED,
    EndedBy.OPERATOR,
    "Somebody removed the phone or the room in LiveKit.",
)
_BRIDGE_IS_SILENT = CallEnding(
    EndedReason.PLATFORM_ERROR,
    EndedBy.UNKNOWN,
    "The phone left the room, and the bridge did not say why.",
)
# livekit_observed.md section 1 (e): over LiveKit SIP nobody can tell the two apart.
_HUNG_UP = CallEnding(
    EndedReason.CALLEE_HUNG_UP,
    EndedBy.CALLEE,
    "The far side hung up, or sent no sound any more: LiveKit SIP tells both alike.",
)
# Of a phone of LiveKit SIP that was not answered, unless dialling says it more exactly.
_UNANSWERED = {
    "USER_REJECTED": CallEnding(
        EndedReason.REJECTED, EndedBy.CALLEE, "The far side refused the call."
    ),
    "USER_UNAVAILABLE": CallEnding(EndedReason.NO_ANSWER, EndedBy.CALLEE, "Nobody answered."),
}
_GAVE_UP = CallEnding(
    EndedReason.PROVIDER_ERROR, EndedBy.PROVIDER, "LiveKit SIP gave the call up, without a word."
)
_WHO = {"them": "callee", "us": "platform", "network": "carrier"}


@dataclass(frozen=True, slots=True)
class Gone:
    """The phone is not in the room any more; what that means unless somebody knows better."""

    at: datetime
    ending: CallEnding
    may_come_back: bool  # nobody meant it to leave: LiveKit or the way to it was lost


class PhoneFacts:
    def __init__(self, core: CallCore) -> None:
        self._core = core
        self.rang = False
        self.report: LegReport | None = None
        self.gone: Gone | None = None
        self.unheard_at: datetime | None = None  # when agents last heard of it, who miss it now
        self.is_lost = False  # its bridge is gone
        self.is_being_handed_on = False
        self._answer_is_the_bridges = False
        self._answer_is_noted = False

    @property
    def is_ordered(self) -> bool:
        return self._core.request.phone is not None

    @property
    def is_livekits(self) -> bool:
        """Of LiveKit SIP, without a bridge of ours."""
        return self.is_ordered and self._core.request.provider is Provider.LIVEKIT_SIP

    def came(self) -> None:
        """It may have been away only for a moment."""
        self.gone = None

    def rings(self, fact: Fact) -> None:
        if self.rang:
            return
        self.rang = True
        core = self._core
        core.note(fact, "callee", "It rings.", early_media=bool(fact.data.get("early_media")))
        if core.status is CallStatus.QUEUED and core.ending is None:
            core.status = CallStatus.RINGING

    def is_answered(self, fact: Fact) -> None:
        if self._answer_is_noted:
            return
        self._answer_is_noted = True
        known: dict[str, Any] = {"codec": str(fact.data["codec"])} if "codec" in fact.data else {}
        self._core.note(fact, "callee", "The phone was answered.", **known)
        self._note_keys_of_the_order(fact.at)
        self.answered(fact.at)

    def _note_keys_of_the_order(self, at: datetime) -> None:
        """Whoever carries the phone presses them now, by itself."""
        order = self._core.request.phone
        if order is not None and (count := len(order.dtmf.replace(PAUSE, ""))):
            text, data = "The keys of the order are pressed.", {"count": count}
            self._core.journal.note(at, "platform", "dtmf_sent", text, data, can_wait=True)

    def answered(self, at: datetime, *, guessed: bool = False) -> None:
        """Also after the ending: a hang-up that crossed the answer is answered, and billed.

        `guessed`: on a clock that is not the bridge's, until the bridge says it itself.
        """
        core = self._core
        if self.report is not None or (guessed and core.answered_at is not None):
            return
        if core.answered_at is None or not self._answer_is_the_bridges:
            core.answer(at)
            core.answered_at = at
            self._answer_is_the_bridges = not guessed
            if core.ended_at is not None:
                core.set_ended_at(core.ended_at)

    def has_ended(self, fact: Fact) -> None:
        """Raises ValueError, TypeError or KeyError for what is no report."""
        report = LegReport.from_data(fact.data)
        self._core.note(
            fact,
            _WHO.get(report.by, "platform"),
            report.detail,
            can_wait=True,  # the call's end follows
            reason=report.reason,
            by=report.by,
            sip_status=report.sip_status,
            reason_header=report.reason_header,
            quality=report.quality,
        )
        if self.is_livekits and self.is_being_handed_on:
            self.has_gone(fact.at, _HUNG_UP, may_come_back=False)  # as a transfer looks from here
        else:
            self.over(report)

    def has_left(self, at: datetime, why: str) -> None:
        """The room, as LiveKit says."""
        ending = _THROWN_OUT if why in THROWN_OUT else self._ending_of_who_left(why)
        meant = why in THROWN_OUT or why == _BY_ITSELF or why in _UNANSWERED
        is_the_end = meant and self._core.answered_at is not None and not self.is_being_handed_on
        if self.is_livekits and is_the_end:
            by, reason = ("us", THROWN_OUT[why]) if why in THROWN_OUT else ("them", "bye")
            self.over(
                LegReport(reason=reason, by=by, detail=ending.detail, answered=True, ended_at=at)
            )
        else:
            self.has_gone(at, ending, may_come_back=not meant)

    def is_missing(self, at: datetime) -> None:
        """From the room, as somebody says who looked; it may have lost LiveKit for a while."""
        self.has_gone(at, self._ending_of_who_left(_BY_ITSELF), may_come_back=True)

    def _ending_of_who_left(self, why: str) -> CallEnding:
        if not self.is_livekits:
            return _BRIDGE_IS_SILENT
        if self._core.answered_at is not None:
            return _HUNG_UP
        return _UNANSWERED.get(why, _GAVE_UP)

    def over(self, report: LegReport) -> None:
        """The leg's own times are the call's: they are what the carrier bills."""
        core = self._core
        if self.report is not None:
            return
        self.unheard_at = None
        ending = ending_from_leg(report)
        if report.reason not in _OUR_WRAP_UP:
            core.correct(ending)
        core.end(ending, report.ended_at)
        if report.answered:
            self._crossed(report)
            self.answered(report.answered_at or core.answered_at or report.ended_at)
        elif not self._answer_is_the_bridges:
            core.answered_at = None  # it was a guess
        self.report = report
        core.set_ended_at(report.ended_at)

    def _crossed(self, report: LegReport) -> None:
        """Answered and billed, and nobody has talked: the timeline says how that comes."""
        if report.reason in _GIVEN_UP and self._core.answered_at is None:
            at = report.answered_at or report.ended_at
            text = "It was answered while we gave up, and hung up at once."
            self._core.journal.note(at, "callee", "answered", text, can_wait=True)

    def is_unheard(self, fact: Fact) -> None:
        """An agent hears nothing of it any more. Somebody asks the phone itself (workflows.phone):
        on a busy machine agents hear late."""
        if self.report is None and self.unheard_at is None and not self.is_lost:
            self.unheard_at = moment_of(fact.data.get("last_heard_at")) or fact.at
            self._core.note(fact, "platform", "The phone is not heard of any more.")

    def answers(self) -> None:
        """It does live."""
        self.unheard_at = None

    def is_gone_for_good(self) -> None:
        """Its bridge process has died."""
        assert self.unheard_at is not None
        self.is_lost = True
        text = "The bridge that carried the phone is gone."
        ending = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM, text)
        self._core.end(ending, self.unheard_at, guessed=True)

    def has_gone(self, at: datetime, ending: CallEnding, *, may_come_back: bool) -> None:
        """Somebody waits for the bridge to say more (workflows.phone)."""
        if self.gone is None or (self.gone.may_come_back and not may_come_back):
            self.gone = Gone(at, ending, may_come_back)

    def pressed(self, fact: Fact) -> None:
        """Which keys is the callee's secret; the bridge does not tell."""
        count = int(fact.data.get("count", 1))
        keys = "a key" if count == 1 else f"{count} keys"
        text = f"The phone pressed {keys}."
        self._core.note(fact, "callee", text, is_flood=True, count=count)

    def sounds(self, fact: Fact) -> None:
        self._core.note(fact, "platform", "Sound of the phone.", can_wait=True, quality=fact.data)

    def connection_changed(self, fact: Fact) -> None:
        lost = bool(fact.data.get("lost"))
        text = "The carrier's connection is lost." if lost else "The carrier's connection is back."
        self._core.note(fact, "platform", text, can_wait=True, lost=lost)
