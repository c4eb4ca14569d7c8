"""Points in time as the carrier's documents have them."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def written(at: datetime | None) -> str | None:
    """ISO 8601 with milliseconds."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
