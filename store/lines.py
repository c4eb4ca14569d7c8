"""Lines of a trunk: how many calls it carries at once, and how fast new ones may start.

A line is nothing but a call's row that took one and has not ended, so there is nothing to give
back and nothing that a killed process could keep. Who decides holds the trunk's row (PostgreSQL;
SQLite has one writer anyway), so that two never take the last line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, TextClause, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from contract.calls import CallStatus
from store.call_indexes import HAS_DIALLED, HAS_LINE, OPEN_ON_TRUNK
from store.errors import CallOver, CallUnknown, TrunkDisabled, TrunkUnknown
from store.locks import CHANGE_LOCK
from store.models import CallRow, TrunkRow

# Who has not asked for so long waits no more: its workflow died, or was told to stop.
STILL_WAITING = timedelta(seconds=5)

# Seconds between two questions of who waits for somebody to hang up. The first of the queue asks
# often, those behind it less so, and the last of a long queue still twice within STILL_WAITING.
_SOONEST = 0.02
_FIRST_ASKS_EVERY = 0.25
_LAST_ASKS_EVERY = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOffer:
    """`retry_after` seconds to ask again in, while there is patience; 0 when taken."""

    taken: bool
    retry_after: float


@dataclass(frozen=True, slots=True)
class _Limits:
    lines: int
    gap: timedelta  # between two calls


class Lines:
    """In a writing transaction of its own, which is to be short: the trunk's others wait."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def take(self, call_id: str, tenant_id: str, trunk_id: str, now: datetime) -> LineOffer:
        """First come, first served. A call that has its line keeps it until its row has ended.

        Raises CallUnknown, CallOver, TrunkUnknown, TrunkDisabled.
        """
        limits = await self._lock(tenant_id, trunk_id)
        call = await self._call(call_id, tenant_id, trunk_id)
        if call.line_taken_at is not None:
            return LineOffer(taken=True, retry_after=0.0)
        if limits is None:
            raise TrunkDisabled(trunk_id)
        call.line_asked_at = call.line_asked_at or now
        call.line_waited_at = now
        ahead = await self._waiting_before(call, call.line_asked_at, now)
        pause = await self._pause(CallRow.line_taken_at, HAS_LINE, call, limits.gap, now)
        free = limits.lines - await self._lines_in_use(call)
        if not ahead and not pause and free > 0:
            call.line_taken_at = now
            return LineOffer(taken=True, retry_after=0.0)
        if ahead < free:  # only the pace is in the way, and that is known
            turn = max(pause + ahead * limits.gap.total_seconds(), _SOONEST)
        else:
            turn = (ahead - free + 1) * _FIRST_ASKS_EVERY
        return LineOffer(taken=False, retry_after=min(turn, _LAST_ASKS_EVERY))

    async def may_dial(self, tenant_id: str, trunk_id: str, call_id: str, now: datetime) -> float:
        """Reserves the moment of the call's INVITE; the seconds until then. Asked again, the same
        moment. Raises CallUnknown, CallOver, TrunkUnknown, TrunkDisabled."""
        limits = await self._lock(tenant_id, trunk_id)
        call = await self._call(call_id, tenant_id, trunk_id)
        if call.dialled_at is None:
            if limits is None:
                raise TrunkDisabled(trunk_id)
            pause = await self._pause(CallRow.dialled_at, HAS_DIALLED, call, limits.gap, now)
            call.dialled_at = now + timedelta(seconds=pause)
        return max(0.0, (call.dialled_at - now).total_seconds())

    async def _lock(self, tenant_id: str, trunk_id: str) -> _Limits | None:
        """None: it is disabled."""
        trunk = await self._session.get(
            TrunkRow, (tenant_id, trunk_id), with_for_update=CHANGE_LOCK, populate_existing=True
        )
        if trunk is None:
            raise TrunkUnknown(trunk_id)
        if not trunk.config["enabled"]:
            return None
        return _Limits(
            lines=int(trunk.config["max_concurrent_calls"]),
            gap=timedelta(seconds=1 / float(trunk.config["calls_per_second"])),
        )

    async def _call(self, call_id: str, tenant_id: str, trunk_id: str) -> CallRow:
        found = select(CallRow).where(
            CallRow.call_id == call_id,
            CallRow.tenant_id == tenant_id,
            CallRow.trunk_id == trunk_id,
        )
        # populate_existing: what another process wrote before we had the trunk.
        rows = await self._session.scalars(
            found.with_for_update().execution_options(populate_existing=True)
        )
        call = rows.one_or_none()
        if call is None:
            raise CallUnknown(call_id)
        if call.status == CallStatus.ENDED:
            raise CallOver
        return call

    async def _lines_in_use(self, call: CallRow) -> int:
        return await self._count(call, CallRow.line_taken_at.is_not(None))

    async def _waiting_before(self, call: CallRow, asked_at: datetime, now: datetime) -> int:
        is_earlier = or_(
            CallRow.line_asked_at < asked_at,
            and_(CallRow.line_asked_at == asked_at, CallRow.call_id < call.call_id),
        )
        still_waits = CallRow.line_waited_at > now - STILL_WAITING
        return await self._count(call, CallRow.line_taken_at.is_(None), still_waits, is_earlier)

    async def _count(self, call: CallRow, *conditions: ColumnElement[bool]) -> int:
        counted = select(func.count()).where(*_same_trunk(call), OPEN_ON_TRUNK, *conditions)
        return await self._session.scalar(counted) or 0

    async def _pause(
        self,
        column: InstrumentedAttribute[datetime | None],
        is_set: TextClause,
        call: CallRow,
        gap: timedelta,
        now: datetime,
    ) -> float:
        """Seconds until `gap` has passed since the trunk's latest call, over or not."""
        latest = select(column).where(*_same_trunk(call), is_set).order_by(column.desc()).limit(1)
        last = await self._session.scalar(latest)
        return max(0.0, (last + gap - now).total_seconds()) if last is not None else 0.0


def _same_trunk(call: CallRow) -> tuple[ColumnElement[bool], ...]:
    return (CallRow.tenant_id == call.tenant_id, CallRow.trunk_id == call.trunk_id)
