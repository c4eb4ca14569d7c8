"""The one append-only timeline of a call: record, audit, SSE and bill are read from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import TimelineEntry
from store.models import EventRow

# The teller of what was deleted, and of legal holds.
RETENTION_SOURCE = "retention"


async def append_entries(
    session: AsyncSession, call_id: str, entries: Iterable[TimelineEntry]
) -> list[TimelineEntry]:
    """Append those that are new, in the order given, with gapless `seq`; returns them.

    The caller holds the call's row lock, so that numbers appear in the order of commits: a reader
    who has seen 7 never finds a 6 later.
    """
    wanted = {(entry.source, entry.source_seq): entry for entry in entries}
    if not wanted:
        return []
    known = await session.execute(
        select(EventRow.source, EventRow.source_seq).where(
            EventRow.call_id == call_id,
            tuple_(EventRow.source, EventRow.source_seq).in_(wanted),
        )
    )
    for source, source_seq in known:
        del wanted[(source, source_seq)]
    last = await session.scalar(select(func.max(EventRow.seq)).where(EventRow.call_id == call_id))
    for seq, entry in enumerate(wanted.values(), start=(last or 0) + 1):
        session.add(
            EventRow(
                call_id=call_id,
                seq=seq,
                source=entry.source,
                source_seq=entry.source_seq,
                at=entry.at,
                actor=entry.actor,
                kind=entry.kind,
                text=entry.text,
                data=entry.data,
            )
        )
    await session.flush()
    return list(wanted.values())


async def note(
    session: AsyncSession,
    call_id: str,
    source: str,
    actor: str,
    kind: str,
    text: str,
    data: dict[str, Any],
) -> None:
    """A line of the store's own, at this moment. `source` is used by nobody else, so it is numbered
    here; the caller holds the call's row lock, and repeats nothing."""
    told = select(func.max(EventRow.source_seq)).where(
        EventRow.call_id == call_id, EventRow.source == source
    )
    entry = TimelineEntry(
        source=source,
        source_seq=(await session.scalar(told) or 0) + 1,
        at=datetime.now(UTC),
        actor=actor,
        kind=kind,
        text=text,
        data=data,
    )
    await append_entries(session, call_id, [entry])


async def entries_after(session: AsyncSession, call_id: str, after_seq: int) -> list[EventRow]:
    found = await session.scalars(
        select(EventRow)
        .where(EventRow.call_id == call_id, EventRow.seq > after_seq)
        .order_by(EventRow.seq)
    )
    return list(found)
