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
        self._flood = False

    def note(
        self,
        at: datetime,
        actor: str,
        kind: str,
        text: str,
        data: dict[str, Any] | None = None,
        *,
        can_wait: bool = False,
        is_flood: bool = False,
    ) -> None:
        """`can_wait`: something else is sure to follow soon, and one write serves both. `is_flood`:
        there may be any number of these, so after some they are written now and then only."""
        self._count += 1
        self._flood = self._flood or is_flood
        self._urgent = self._urgent or not (can_wait or is_flood)
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

    @property
    def has_flood(self) -> bool:
        return self._flood

    def take(self) -> tuple[TimelineEntry, ...]:
        self._urgent = self._flood = False
        taken, self._pending = tuple(self._pending), []
        return taken
