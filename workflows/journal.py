"""The call's timeline on its way to the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contract.calls import TimelineEntry


class Journal:
    """Entries wait here until the workflow has written them; numbers never repeat."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._count = 0
        self._pending: list[TimelineEntry] = []
        self._urgent = False

    def note(
        self,
        at: datetime,
        actor: str,
        kind: str,
        text: str,
        data: dict[str, Any] | None = None,
        *,
        can_wait: bool = False,
    ) -> None:
        """`can_wait`: something else is sure to follow soon, and one write serves both."""
        self._count += 1
        self._urgent = self._urgent or not can_wait
        self._pending.append(
            TimelineEntry(
                source=self._source,
                source_seq=self._count,
                at=at,
                actor=actor,
                kind=kind,
                text=text,
                data=data or {},
            )
        )

    @property
    def has_news(self) -> bool:
        return bool(self._pending)

    @property
    def has_urgent_news(self) -> bool:
        return self._urgent

    def take(self) -> tuple[TimelineEntry, ...]:
        self._urgent = False
        taken, self._pending = tuple(self._pending), []
        return taken
