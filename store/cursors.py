"""Cursors: where a page ended, opaque to clients."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from store.errors import BadCursor

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    next_cursor: str | None


def cursor_of(*parts: str) -> str:
    """Of the values that a list is sorted by, none of which has a space."""
    return base64.urlsafe_b64encode(" ".join(parts).encode()).decode()


def parts_of(cursor: str, count: int) -> list[str]:
    """Raises BadCursor."""
    try:
        parts = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode().split(" ")
    except (binascii.Error, ValueError):
        raise BadCursor from None
    # PostgreSQL refuses NUL in every text.
    if len(parts) != count or any("\0" in part for part in parts):
        raise BadCursor
    return parts


def moment_of(part: str) -> datetime:
    """Raises BadCursor."""
    try:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise BadCursor
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the edges of time have no UTC
        raise BadCursor from None


def page_of(rows: Sequence[T], limit: int, cursor_after: Callable[[T], str]) -> Page[T]:
    """Of `limit + 1` rows: the one more tells whether another page follows."""
    items = list(rows[:limit])
    more = len(rows) > limit
    return Page(items, cursor_after(items[-1]) if more else None)
