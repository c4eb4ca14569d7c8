"""Which calls are not finished yet, as far as the store knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, RecordingStatus
from contract.recordings import RecordingRequest
from store.models import CallRow, EventRow, LedgerRow, RecordingRow, TurnRow

_ENDED = CallStatus.ENDED.value
_NEEDS_ATTENTION = RecordingStatus.NEEDS_ATTENTION.value
# One that needs attention waits for an operator; without its workflow nobody could retry it.
_UNSETTLED = (
    RecordingStatus.PENDING.value,
    RecordingStatus.RECORDING.value,
    RecordingStatus.FINALISING.value,
    _NEEDS_ATTENTION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedCall:
    """`left_no_trace`: nothing says that its workflow ever did anything."""

    call_id: str
    tenant_id: str
    assistant_id: str | None
    started_at: datetime
    has_ended: bool
    left_no_trace: bool


class Unfinished:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_calls(self, after: UnfinishedCall | None, limit: int) -> list[UnfinishedCall]:
        """One page of the calls that have not ended, oldest first."""
        found = select(CallRow).where(CallRow.status != _ENDED)
        if after is not None:
            place = tuple_(CallRow.started_at, CallRow.call_id)
            found = found.where(place > (after.started_at, after.call_id))
        ordered = found.order_by(CallRow.started_at, CallRow.call_id).limit(limit)
        return [await self._call(row) for row in await self._session.scalars(ordered)]

    async def among(self, call_ids: Collection[str]) -> list[UnfinishedCall]:
        """Those that have not ended or have no bill, oldest first."""
        found = (
            select(CallRow)
            .outerjoin(LedgerRow, LedgerRow.call_id == CallRow.call_id)
            .where(CallRow.call_id.in_(call_ids))
            .where(or_(CallRow.status != _ENDED, LedgerRow.call_id.is_(None)))
            .order_by(CallRow.started_at, CallRow.call_id)
        )
        return [await self._call(row) for row in await self._session.scalars(found)]

    async def recordings_among(self, call_ids: Collection[str]) -> Sequence[RecordingRequest]:
        """Of calls that are over and had a recording's workflow: those that nobody has brought to
        an end. Without a row of its own, too: that comes once Egress records, or never."""
        found = (
            select(CallRow, RecordingRow)
            .outerjoin(RecordingRow, RecordingRow.call_id == CallRow.call_id)
            .where(CallRow.call_id.in_(call_ids), CallRow.status == _ENDED)
            .where(or_(RecordingRow.status.in_(_UNSETTLED), RecordingRow.call_id.is_(None)))
            .order_by(CallRow.started_at, CallRow.call_id)
        )
        return [_left_behind(call, row) for call, row in await self._session.execute(found)]

    async def last_turn_of_human(self, call_id: str) -> datetime | None:
        """When they were last understood."""
        latest = select(func.max(TurnRow.end)).where(
            TurnRow.call_id == call_id, TurnRow.speaker != "assistant"
        )
        moment: datetime | None = await self._session.scalar(latest)
        return moment

    async def _call(self, row: CallRow) -> UnfinishedCall:
        return UnfinishedCall(
            call_id=row.call_id,
            tenant_id=row.tenant_id,
            assistant_id=row.assistant_id,
            started_at=row.started_at,
            has_ended=row.status == _ENDED,
            left_no_trace=row.status == CallStatus.QUEUED.value
            and row.line_asked_at is None
            and not await self._has_events(row.call_id),
        )

    async def _has_events(self, call_id: str) -> bool:
        found = select(EventRow.seq).where(EventRow.call_id == call_id).limit(1)
        return await self._session.scalar(found) is not None


def _left_behind(call: CallRow, recording: RecordingRow | None) -> RecordingRequest:
    attempts, flaw, began_anew = 0, "", False
    if recording is not None:
        attempts = recording.attempts
        flaw = recording.detail if recording.status == _NEEDS_ATTENTION else ""
        # Its row comes once it records, so what is pending in it had been recording before.
        began_anew = attempts > 1 or recording.status == RecordingStatus.PENDING
    return RecordingRequest(
        call_id=call.call_id,
        tenant_id=call.tenant_id,
        room_name=call.room_name,
        left_behind=True,
        attempts=attempts,
        flaw=flaw,
        began_anew=began_anew,
        talk_began_at=call.answered_at,
    )
