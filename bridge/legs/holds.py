"""When a leg was on hold, and by whom."""

from __future__ import annotations

from datetime import datetime

from bridge.legs.outcome import HoldInterval, Side


class HoldBook:
    """Both sides may hold at once; each side's hold is one interval."""

    def __init__(self) -> None:
        self._since: dict[Side, datetime] = {}
        self._past: list[HoldInterval] = []

    @property
    def by(self) -> frozenset[Side]:
        return frozenset(self._since)

    def note(self, side: Side, *, holds: bool, at: datetime) -> bool:
        """Whether that is news."""
        if holds == (side in self._since):
            return False
        if holds:
            self._since[side] = at
        else:
            self._past.append(HoldInterval(self._since.pop(side), at, side))
        return True

    def closed(self, at: datetime) -> tuple[HoldInterval, ...]:
        """All of them, in their order; what lasts still ends now."""
        open_ones = [HoldInterval(began, at, side) for side, began in self._since.items()]
        return tuple(sorted([*self._past, *open_ones], key=lambda hold: hold.began))
