"""One phone leg in its room."""

from __future__ import annotations

from datetime import datetime

from contract.phone import LegReport


class RoomLeg:
    """Made by `RoomLegs.dial`. It lives on by itself until one of its ends comes."""

    call_id: str

    async def decided(self) -> datetime | None:
        """Once the INVITE has its final answer: when it was answered. None: it was not, or not
        before we gave up; `ended` says what came of it."""
        raise NotImplementedError

    def cancel(self, reason: str = "cancelled") -> None:
        """CANCEL before the answer, BYE after it. Safe to repeat; never blocks."""
        raise NotImplementedError

    async def ended(self) -> LegReport:
        """Once it has ended, its last fact is told and `phone` has left the room."""
        raise NotImplementedError
