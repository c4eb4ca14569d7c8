"""Who has the floor: whether Atlas may speak and listen at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum


class Closed(StrEnum):
    """Why Atlas neither speaks by itself nor listens."""

    GATE = "gate"  # the call is not answered yet
    HOLD = "hold"
    ENDING = "ending"  # for good


class Floor:
    """Closed at first; open while no reason closes it."""

    def __init__(self) -> None:
        self._reasons = {Closed.GATE}
        self._listeners: list[Callable[[], None]] = []
        self._open = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self._reasons

    @property
    def is_ending(self) -> bool:
        return Closed.ENDING in self._reasons

    @property
    def is_held(self) -> bool:
        return Closed.HOLD in self._reasons

    @property
    def is_audible(self) -> bool:
        """Whether a word of Atlas may be heard at all: a farewell may, although it ends."""
        return not self._reasons & {Closed.GATE, Closed.HOLD}

    def on_change(self, listener: Callable[[], None]) -> None:
        """Listeners must not raise; they are called when the floor opens or closes."""
        self._listeners.append(listener)

    def close(self, reason: Closed) -> None:
        self._change(self._reasons | {reason})

    def clear(self, reason: Closed) -> None:
        if reason is not Closed.ENDING:
            self._change(self._reasons - {reason})

    async def opened(self) -> None:
        await self._open.wait()

    def _change(self, reasons: set[Closed]) -> None:
        was_open = self.is_open
        self._reasons = reasons
        if self.is_open == was_open:
            return
        if self.is_open:
            self._open.set()
        else:
            self._open.clear()
        for listener in self._listeners:
            listener()
