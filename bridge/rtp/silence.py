"""When nothing comes any more: the media timeout, which sleeps while nothing is to be expected."""

from __future__ import annotations


class SilenceWatch:
    """Times in seconds of one clock."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._since: float | None = None

    def expect(self, expected: bool, now: float) -> None:
        """From here on packets are due, or not: on hold nothing is, after it all begins anew."""
        self._since = now if expected else None

    def is_over(self, heard_at: float | None, now: float) -> bool:
        """True once."""
        if self._since is None:
            return False
        if heard_at is not None and heard_at > self._since:
            self._since = heard_at
        if now - self._since < self._timeout:
            return False
        self._since = None
        return True
