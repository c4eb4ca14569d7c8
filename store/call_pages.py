"""Pages of calls, newest first, by cursor and filter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, Direction, RecordingStatus
from contract.endings import EndedReason
from store.cursors import Page, cursor_of, moment_of, page_of, parts_of
from store.models import CallRow, RecordingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    tenant_id: str
    limit: int = 50
    cursor: str | None = None
    status: CallStatus | None = None
    direction: Direction | None = None
    assistant_id: str | None = None
    trunk_id: str | None = None
    ended_reason: EndedReason | None = None
    recording_status: RecordingStatus | None = None
    started_after: datetime | None = None


NEWEST_FIRST = (CallRow.started_at.desc(), CallRow.call_id.desc())

CallsFound = Page[tuple[CallRow, RecordingStatus]]

# A call without a recording's row either waits for one or never asked for it.
_RECORDING_STATUS: ColumnElement[str] = func.coalesce(
    RecordingRow.status,
    case(
        (
            and_(CallRow.record, CallRow.status != CallStatus.ENDED.value),
            RecordingStatus.PENDING.value,
        ),
        else_=RecordingStatus.NOT_REQUESTED.value,
    ),
)

# Of these there are few, each with a row: it is found by its index, and its call by it.
_SELDOM = (
    RecordingStatus.RECORDING,
    RecordingStatus.FINALISING,
    RecordingStatus.NEEDS_ATTENTION,
    RecordingStatus.LOST,
)


async def list_calls(session: AsyncSession, page: CallPage) -> CallsFound:
    """Raises BadCursor."""
    found = await session.execute(calls_of(page))
    rows = [(row, RecordingStatus(status)) for row, status in found]
    return page_of(rows, page.limit, lambda last: cursor_after(last[0]))


def calls_of(page: CallPage) -> Select[CallRow, str]:
    """Raises BadCursor."""
    return (
        select(CallRow, _RECORDING_STATUS)
        .outerjoin(RecordingRow, RecordingRow.call_id == CallRow.call_id)
        .where(*_conditions(page))
        .order_by(*NEWEST_FIRST)
        .limit(page.limit + 1)  # one more than shown tells whether another page follows
    )


def _conditions(page: CallPage) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [CallRow.tenant_id == page.tenant_id]
    if page.status is not None:
        conditions.append(CallRow.status == page.status.value)
    if page.direction is not None:
        conditions.append(CallRow.direction == page.direction.value)
    if page.assistant_id is not None:
        conditions.append(CallRow.assistant_id == page.assistant_id)
    if page.trunk_id is not None:
        conditions.append(CallRow.trunk_id == page.trunk_id)
    if page.ended_reason is not None:
        conditions.append(CallRow.ended_reason == page.ended_reason.value)
    if page.recording_status is not None:
        is_seldom = page.recording_status in _SELDOM
        status = RecordingRow.status if is_seldom else _RECORDING_STATUS
        conditions.append(status == page.recording_status.value)
    if page.started_after is not None:
        conditions.append(CallRow.started_at > page.started_after)
    return [*conditions, *behind_cursor(page.cursor)]


def cursor_after(row: CallRow) -> str:
    return cursor_of(row.started_at.isoformat(), row.call_id)


def behind_cursor(cursor: str | None) -> tuple[ColumnElement[bool], ...]:
    """Raises BadCursor."""
    if cursor is None:
        return ()
    began, call_id = parts_of(cursor, 2)
    started_at = moment_of(began)
    # In two conditions, of which an index can follow the first one.
    return (
        CallRow.started_at <= started_at,
        or_(CallRow.started_at < started_at, CallRow.call_id < call_id),
    )
