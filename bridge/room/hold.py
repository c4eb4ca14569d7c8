"""The far side's hold in `call.hold`, which the workflow writes as well (contract.holds)."""

from __future__ import annotations

import json
from typing import NamedTuple

from contract.holds import Holder, HoldState
from contract.rooms import PHONE_ALIVE

_BY = "by"


class Repair(NamedTuple):
    """What must be written, as what stands there cannot stay."""

    state: HoldState
    is_about_us: bool
    """Whether the far side's hold itself was told wrong."""


class RemoteHold:
    """Knows the newest state, and answers for the holder `remote` in it. No I/O.

    LiveKit tells every change of the attribute in the order in which it took them, ours among
    them: so whoever listens knows what stands there in the end.
    """

    def __init__(self) -> None:
        self.state = HoldState()
        self.holds = False
        self._written = 0  # the highest seq that went out
        self._is_unwritten = False

    @property
    def text(self) -> str:
        """The state as we write it: signed, as the workflow may come to the very same one."""
        said = json.loads(self.state.to_json())
        return json.dumps(said | {_BY: PHONE_ALIVE})

    def change(self, *, holds: bool) -> HoldState:
        """The far side pressed hold, or resumed."""
        self.holds = holds
        return self._set(self.state.with_holder(Holder.REMOTE, holds))

    def writing(self, text: str) -> None:
        """This value goes out now."""
        going = HoldState.parse(text) or HoldState()
        self._written = max(self._written, going.seq)
        if going == self.state:
            self._is_unwritten = False

    def not_written(self) -> None:
        """It did not get there, or not that we know: the newest is about to go out again."""
        self._is_unwritten = True

    def seen(self, text: str) -> Repair | None:
        """The attribute changed. None: it may stay as it is."""
        found = HoldState.parse(text)
        if found is None:  # not a state at all, or taken away
            return self._repair(self.state.holders, 0, is_about_us=self.holds)
        if _is_ours(text):
            return self._came(found)
        if found == self.state:
            return None
        is_right = (Holder.REMOTE in found.holders) == self.holds
        if is_right and found.seq > self.state.seq:
            self.state, self._is_unwritten = found, False
            return None
        # Of all holders but ours the writer knows better. A seq that is not higher would be
        # ignored by those who saw ours.
        return self._repair(found.holders, found.seq, is_about_us=not is_right)

    def _came(self, found: HoldState) -> Repair | None:
        """If it is the last of ours, it may have gone over somebody else's that came before it."""
        if found == self.state or found.seq < self._written or self._is_unwritten:
            return None
        return self._repair(self.state.holders, self.state.seq, is_about_us=False)

    def _repair(self, holders: frozenset[Holder], seq: int, *, is_about_us: bool) -> Repair:
        theirs = holders - {Holder.REMOTE}
        wanted = theirs | {Holder.REMOTE} if self.holds else theirs
        return Repair(self._set(HoldState(max(seq, self.state.seq) + 1, wanted)), is_about_us)

    def _set(self, state: HoldState) -> HoldState:
        self.state, self._is_unwritten = state, True
        return state


def _is_ours(text: str) -> bool:
    said = json.loads(text)
    return isinstance(said, dict) and said.get(_BY) == PHONE_ALIVE
