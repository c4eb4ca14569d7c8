"""How many event streams one client may hold open at once, per replica."""

from __future__ import annotations

from collections import Counter

from contract.errors import PlatformError


class TooManyStreams(PlatformError):
    code, http_status, retryable = "too-many-streams", 429, True

    def __init__(self, most: int) -> None:
        super().__init__(f"This key has {most} event streams open; close one before another.")


class OpenStreams:
    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, key: str) -> None:
        """Raises TooManyStreams."""
        if self._open[key] >= self._most:
            raise TooManyStreams(self._most)
        self._open[key] += 1

    def leave(self, key: str) -> None:
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]
