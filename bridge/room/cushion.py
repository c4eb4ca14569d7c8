"""How much sound may wait between two clocks: as little as keeps it whole."""

from __future__ import annotations

_WINDOW = 50  # frames: 1 s


class Cushion:
    """Asked once a frame how much waits; says when a frame is to be dropped.

    Late frames make a cushion by themselves, and a machine that is busy for a while needs it. What
    was not once used up for a whole second is delay that helps nobody.
    """

    def __init__(self, *, most: float, idle: float) -> None:
        """`most`: more than that never waits. `idle`: that much may always wait."""
        self.dropped = 0  # frames
        self._most, self._idle = most, idle
        self.clear()

    def clear(self) -> None:
        self._least = float("inf")
        self._seen = 0

    def is_too_much(self, waiting: float) -> bool:
        self._least = min(self._least, waiting)
        self._seen += 1
        too_much = waiting > self._most
        if self._seen >= _WINDOW:
            too_much = too_much or self._least > self._idle
            self.clear()
        self.dropped += too_much
        return too_much
