"""What a leg refuses to do, and what the far side refused."""

from __future__ import annotations


class LegOver(RuntimeError):
    """What was asked of a leg makes no sense any more, or not yet."""


class Refused(RuntimeError):
    """The far side refused what we asked of it in the call; 0: it never answered."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The far side refused with {status}." if status else "No answer came.")
        self.status = status
