"""Who holds a call, since when, and what the room has been told of it (contract.holds)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contract.facts import Fact, FactKind
from contract.holds import Holder, HoldState
from workflows.state.core import CallCore

_NAMES = {
    Holder.REMOTE: "The far side",
    Holder.OPERATOR: "An operator",
    Holder.ASSISTANT: "The assistant",
}
_ACTORS = {Holder.REMOTE: "callee", Holder.OPERATOR: "operator", Holder.ASSISTANT: "assistant"}


class Holds:
    """The far side's holds are told by the bridge, which also tells the room; ours are here first.

    `seq` is the highest that anybody is known to have used.
    """

    def __init__(self, core: CallCore) -> None:
        self._core = core
        self.since: dict[Holder, datetime] = {}
        self.held_since: datetime | None = None  # by whomever, without a moment's break
        self.held = timedelta(0)  # by whomever, in all; of holds that are over
        self.assistant_until: datetime | None = None  # its hold ends by itself
        self.seq = 0
        self.crossed = 0  # how often the bridge may have written over our holders
        self._our_seq = 0  # the last one that we wrote,
        self._seen_seq = 0  # and the one that we wrote it over
        self._remote_seq = 0
        self._resumed_early: tuple[int, Fact] | None = None

    @property
    def holders(self) -> frozenset[Holder]:
        return frozenset(self.since)

    @property
    def ours(self) -> frozenset[Holder]:
        return self.holders - {Holder.REMOTE}

    def next_state(self) -> HoldState:
        """What is to be written now."""
        return HoldState(self.seq + 1, self.holders)

    def written(self, seq: int, over: int) -> None:
        self._our_seq, self._seen_seq = seq, over
        self.seq = max(self.seq, seq)

    # --- The far side's --------------------------------------------------------------------------

    def told(self, fact: Fact) -> None:
        """HELD or RESUMED. Raises ValueError or KeyError for a malformed one."""
        if Holder(str(fact.data["holder"])) is not Holder.REMOTE:
            return  # ours were known here first
        seq = int(fact.data["seq"])
        if self._seen_seq < seq <= self._our_seq:
            self.crossed += 1  # it did not know of ours
        self.seq = max(self.seq, seq)
        held = fact.kind is FactKind.HELD
        if seq <= self._remote_seq:
            self._told_late(seq, fact, held)
            return
        self._remote_seq = seq
        if held:
            self._begin(Holder.REMOTE, fact.at)
        elif Holder.REMOTE in self.since:
            self._end(Holder.REMOTE, fact.at)
        else:
            self._resumed_early = (seq, fact)

    def _told_late(self, seq: int, fact: Fact, held: bool) -> None:
        """A hold that is over already, told after its end."""
        early = self._resumed_early
        if held and early is not None and seq < early[0]:
            self._resumed_early = None
            self._note(Holder.REMOTE, True, fact.at)
            self._note(Holder.REMOTE, False, early[1].at)
            if self.held_since is None:
                self._was_held(fact.at, early[1].at)

    # --- Ours ------------------------------------------------------------------------------------

    def hold(self, holder: Holder, at: datetime, **data: Any) -> None:
        self._begin(holder, at, **data)

    def resume(self, holder: Holder, at: datetime, **data: Any) -> None:
        if holder in self.since:
            self._end(holder, at, **data)

    def asked_by_assistant(self, fact: Fact) -> None:
        """HOLD_REQUESTED. Raises ValueError, TypeError or KeyError for a malformed one."""
        seconds = float(fact.data["seconds"])
        if not 0 < seconds <= self._core.request.max_hold_seconds:
            seconds = self._core.request.max_hold_seconds
        if self._core.answered_at is None or self._core.ending is not None:
            return  # it was on its way when the call ended
        self.assistant_until = fact.at + timedelta(seconds=seconds)
        self._begin(Holder.ASSISTANT, fact.at)

    def close(self, at: datetime) -> None:
        """The call is over, and with it every hold."""
        for holder, since in sorted(self.since.items()):
            told = {"holder": holder.value, "by": "end"}
            text = "The hold ended with the call."
            journal, kind = self._core.journal, FactKind.RESUMED.value
            journal.note(max(at, since), "platform", kind, text, told)
        self.since.clear()
        if self.held_since is not None:
            self._was_held(self.held_since, at)
        self.held_since = self.assistant_until = None

    def _begin(self, holder: Holder, at: datetime, **data: Any) -> None:
        if holder in self.since:
            return
        self.since[holder] = at
        self.held_since = self.held_since or at
        self._note(holder, True, at, **data)
        self._core.hold(True)

    def _end(self, holder: Holder, at: datetime, **data: Any) -> None:
        del self.since[holder]
        if holder is Holder.ASSISTANT:
            self.assistant_until = None
        self._note(holder, False, at, **data)
        if not self.since:
            if self.held_since is not None:
                self._was_held(self.held_since, at)
            self.held_since = None
            self._core.hold(False)

    def _was_held(self, begin: datetime, end: datetime) -> None:
        self.held += max(end - begin, timedelta(0))  # two clocks may disagree

    def _note(self, holder: Holder, held: bool, at: datetime, **data: Any) -> None:
        """The far side may flap as fast as it likes; others have a hand to do it with."""
        kind = FactKind.HELD if held else FactKind.RESUMED
        text = f"{_NAMES[holder]} {'holds' if held else 'resumes'} the call."
        journal, told = self._core.journal, {"holder": holder.value, **data}
        is_flood = holder is Holder.REMOTE
        journal.note(at, _ACTORS[holder], kind.value, text, told, is_flood=is_flood)
