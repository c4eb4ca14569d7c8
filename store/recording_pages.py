"""Pages of recordings, those of the newest calls first, by cursor and filter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import RecordingStatus
from store.call_pages import NEWEST_FIRST, behind_cursor, cursor_after
from store.cursors import Page, page_of
from store.models import CallRow, RecordingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPage:
    """`statuses`: one of them; empty: whichever. `detail_contains` in upper or lower case."""

    tenant_id: str
    limit: int = 50
    cursor: str | None = None
    statuses: tuple[RecordingStatus, ...] = ()
    assistant_id: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    detail_contains: str | None = None


Recorded = tuple[CallRow, RecordingRow]
RecordingsFound = Page[Recorded]


async def list_recordings(session: AsyncSession, page: RecordingPage) -> RecordingsFound:
    """Raises BadCursor."""
    found = await session.execute(recordings_of(page))
    rows = [(call, recording) for call, recording in found]
    return page_of(rows, page.limit, lambda last: cursor_after(last[0]))


async def count_recordings(session: AsyncSession, page: RecordingPage) -> int:
    """All behind the page's cursor, whatever its limit. Raises BadCursor."""
    counted = (
        select(func.count())
        .select_from(RecordingRow)
        .join(CallRow, RecordingRow.call_id == CallRow.call_id)
        .where(*_conditions(page))
    )
    return await session.scalar(counted) or 0


def recordings_of(page: RecordingPage) -> Select[CallRow, RecordingRow]:
    """Raises BadCursor."""
    return (
        select(CallRow, RecordingRow)
        .join(RecordingRow, RecordingRow.call_id == CallRow.call_id)
        .where(*_conditions(page))
        .order_by(*NEWEST_FIRST)
        .limit(page.limit + 1)
    )


def _conditions(page: RecordingPage) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [CallRow.tenant_id == page.tenant_id]
    if page.statuses:
        conditions.append(RecordingRow.status.in_([status.value for status in page.statuses]))
    if page.assistant_id is not None:
        conditions.append(CallRow.assistant_id == page.assistant_id)
    if page.started_after is not None:
        conditions.append(CallRow.started_at > page.started_after)
    if page.started_before is not None:
        conditions.append(CallRow.started_at < page.started_before)
    if page.detail_contains is not None:
        conditions.append(RecordingRow.detail.icontains(page.detail_contains, autoescape=True))
    return [*conditions, *behind_cursor(page.cursor)]
