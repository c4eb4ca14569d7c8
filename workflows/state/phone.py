"""The phone of a call, as its bridge tells of it: rings, answers, ends. Times are the bridge's.

Of a phone of LiveKit SIP Atlas tells in the bridge's stead, who sees what it says in the room; and
that it leaves the room is its end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contract.calls import CallStatus, Provider
from contract.endings import CallEnding, EndedBy, EndedReason, ending_from_leg
from contract.facts import Fact, moment_of
from contract.phone import PAUSE, LegReport
from workflows.state.core import CallCore
from workflows.state.leaving import BY_ITSELF, Gone

# How a leg ends that we ourselves end, when the call is over for whatever reason.
_OUR_WRAP_UP = frozenset({"hung-up", "cancelled", "removed", "room-closed"})
_GIVEN_UP = frozenset({"cancelled", "no-answer"})
_WEBHOOKS_SECOND = timedelta(seconds=1)
_WHO = {"them": "callee", "us": "platform", "network": "carrier"}


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
        self._end_is_noted = False

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
        guessed = bool(fact.data.get("guessed"))
        if not guessed and not self._answer_is_noted:
            self._answer_is_noted = True
            core, told = self._core, fact.data
            known: dict[str, Any] = {"codec": str(told["codec"])} if "codec" in told else {}
            core.note(fact, "callee", "The phone was answered.", **known)
            self._note_keys_of_the_order(fact.at)
        self.answered(fact.at, guessed=guessed)

    def _note_keys_of_the_order(self, at: datetime) -> None:
        """Whoever carries the phone presses them now, by itself."""
        order = self._core.request.phone
        if order is not None and (count := len(order.dtmf.replace(PAUSE, ""))):
            text, data = "The keys of the order are pressed.", {"count": count}
            self._core.journal.note(at, "platform", "dtmf_sent", text, data, can_wait=True)

    def answered(self, at: datetime, *, guessed: bool = False) -> None:
        """Also after the ending: a hang-up that crossed the answer is answered, and billed.

        `guessed`: by somebody who saw it afterwards, until somebody tells who knows.
        """
        if self.report is not None:
            if self.is_livekits and self.report.answered:  # when it left was told first
                self._take_answer(at, guessed)
            return
        self._take_answer(at, guessed)
        gone = self.gone
        if self.is_livekits and gone is not None and not gone.may_come_back:
            self._has_left_for_good(gone)  # and that was told first

    def _take_answer(self, at: datetime, guessed: bool) -> None:
        core = self._core
        if (known := core.answered_at) is not None:
            if self.is_livekits:
                at = min(at, known)  # whoever tells of it has seen it afterwards
            elif guessed or self._answer_is_the_bridges:
                return
        core.answer(at)
        core.set_answered_at(at)
        self._answer_is_the_bridges |= not guessed
        if core.ended_at is not None:
            core.set_ended_at(core.ended_at)

    def has_ended(self, fact: Fact) -> None:
        """Raises ValueError, TypeError or KeyError for what is no report."""
        report, core = LegReport.from_data(fact.data), self._core
        if self._end_is_noted:
            return
        self._end_is_noted = True
        if self.is_livekits and self.report is not None and core.ended_at is not None:
            # LiveKit's webhook counts in whole seconds.
            core.set_ended_at(min(core.ended_at + _WEBHOOKS_SECOND, report.ended_at))
        core.note(
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
            self.has_gone(Gone(fact.at, BY_ITSELF))  # as a transfer looks from here
        else:
            self.over(report)

    def has_left(self, at: datetime, why: str) -> None:
        """The room, as LiveKit says."""
        gone = Gone(at, why)
        is_answered = self._core.answered_at is not None
        if self.is_livekits and is_answered and not gone.may_come_back:
            self._has_left_for_good(gone)
        else:
            self.has_gone(gone)

    def _has_left_for_good(self, gone: Gone) -> None:
        if self.is_being_handed_on:
            self.has_gone(gone)
        else:
            self.over(gone.report())

    def ending_of(self, gone: Gone) -> CallEnding:
        """Unless somebody knows better."""
        if gone.ending is not None:
            return gone.ending
        if self.is_livekits:
            return gone.of_livekit_sip(answered=self._core.answered_at is not None)
        return gone.of_bridge()

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
            self._take_answer(report.answered_at or core.answered_at or report.ended_at, False)
        elif not self._answer_is_the_bridges:
            core.set_answered_at(None)  # it was a guess
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

    def has_gone(self, gone: Gone) -> None:
        """Somebody waits for whoever knows more (workflows.phone)."""
        if self.gone is None or (self.gone.may_come_back and not gone.may_come_back):
            self.gone = gone

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
