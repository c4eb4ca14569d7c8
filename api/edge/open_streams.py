"""How many event streams one key, and all keys of its tenant, may hold open, per replica."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from contract.errors import PlatformError


class TooManyStreams(PlatformError):
    code, http_status, retryable = "too-many-streams", 429, True

    def __init__(self, who: str, most: int) -> None:
        super().__init__(f"This {who} has {most} event streams open; close one before another.")


class OpenStreams:
    def __init__(self, per_key: int, per_tenant: int) -> None:
        self._most = {"key": per_key, "tenant": per_tenant}
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def one_more(self, key: str, tenant_id: str) -> Iterator[None]:
        """While it lasts. Raises TooManyStreams."""
        holders = [("key", key), ("tenant", tenant_id)]
        for holder in holders:
            most = self._most[holder[0]]
            if self._open[holder] >= most:
                raise TooManyStreams(holder[0], most)
        self._open.update(holders)
        try:
            yield
        finally:
            self._open.subtract(holders)
            self._open += Counter()  # forgets those that have none
