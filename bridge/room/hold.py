"""The far side's hold in `call.hold`, which the workflow writes as well (contract.holds)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from contract.holds import Holder, HoldState

_ECHOES = 64


class Repair(NamedTuple):
    """What must be written, as somebody else wrote what cannot stay."""

    state: HoldState
    is_about_us: bool
    """Whether the far side's hold itself was told wrong."""


class RemoteHold:
    """Knows the newest state, and answers for the holder `remote` in it. No I/O."""

    def __init__(self) -> None:
        self.state = HoldState()
        self.holds = False
        self._echoes: deque[str] = deque(maxlen=_ECHOES)

    def change(self, *, holds: bool) -> HoldState:
        """The far side pressed hold, or resumed."""
        self.holds = holds
        self.state = self.state.with_holder(Holder.REMOTE, holds)
        return self.state

    def writing(self, text: str) -> None:
        """We write this value: it comes back to us, and is nobody else's then."""
        self._echoes.append(text)

    def came_back(self) -> None:
        """LiveKit was away: what we wrote before does not come back any more."""
        self._echoes.clear()

    def seen(self, text: str) -> Repair | None:
        """The attribute changed. None: it may stay as it is."""
        if text in self._echoes:
            while self._echoes.popleft() != text:
                pass
            return None
        found = HoldState.parse(text)
        if found is None:  # not a state at all, or taken away
            return self._repair(self.state.holders, self.state.seq, is_about_us=self.holds)
        if found == self.state:
            return None
        is_right = (Holder.REMOTE in found.holders) == self.holds
        if is_right and found.seq > self.state.seq:
            self.state = found
            return None
        # Of all holders but ours the writer knows better. A seq that is not higher would be
        # ignored by those who saw ours.
        return self._repair(found.holders, found.seq, is_about_us=not is_right)

    def _repair(self, holders: frozenset[Holder], seq: int, *, is_about_us: bool) -> Repair:
        theirs = holders - {Holder.REMOTE}
        wanted = theirs | {Holder.REMOTE} if self.holds else theirs
        self.state = HoldState(max(seq, self.state.seq) + 1, wanted)
        return Repair(self.state, is_about_us)
