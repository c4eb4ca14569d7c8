"""When a call was held, as its timeline tells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from store.models import EventRow


def holds_told(
    events: Iterable[EventRow], ended_at: datetime | None
) -> list[tuple[datetime, datetime]]:
    """Begin and end of each hold, from the timeline's `held` and `resumed` of the same holder. One
    that nobody ended ends with the call, and is left out while the call lasts."""
    told: list[tuple[datetime, datetime]] = []
    begun: dict[str, datetime] = {}
    for event in events:
        holder = str(event.data.get("holder", ""))
        if event.kind == "held":
            begun.setdefault(holder, event.at)
        elif event.kind == "resumed" and holder in begun:
            told.append((begun.pop(holder), event.at))
    if ended_at is not None:
        told += [(at, ended_at) for at in begun.values()]
    return told
