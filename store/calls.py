"""Calls: the row that the API inserts and that, afterwards, only the call's workflow changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, Direction, Provider, TimelineEntry
from contract.identity import CALLER_IDENTITY
from contract.steps import AssistantChosen, WriteRecord
from store.call_pages import CallPage, CallsFound, list_calls
from store.errors import CallUnknown, DuplicateCall, RoomTaken
from store.models import CallRow, EventRow
from store.retention import fix_retention
from store.timeline import append_entries, entries_after

# Only ever forward; hold and conversation alternate on the same step.
_STEP = {
    CallStatus.QUEUED: 0,
    CallStatus.RINGING: 1,
    CallStatus.IN_PROGRESS: 2,
    CallStatus.ON_HOLD: 2,
    CallStatus.ENDED: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    call_id: str
    tenant_id: str
    direction: Direction
    provider: Provider
    room_name: str
    started_at: datetime
    assistant_id: str | None = None
    room_sid: str = ""
    human_identity: str = CALLER_IDENTITY
    participant_name: str | None = None
    language: str | None = None
    record: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    trunk_id: str | None = None
    to_number: str | None = field(default=None, repr=False)  # E.164
    from_number: str | None = field(default=None, repr=False)  # E.164


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that is not over, as the webhook and the room watch need it."""

    call_id: str
    tenant_id: str
    room_name: str
    room_sid: str
    status: CallStatus
    direction: Direction
    human_identity: str
    started_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallChange:
    """A row as it is now, what was different before, and what is new on the timeline."""

    row: CallRow
    was: CallStatus
    was_answered: bool
    entries: Sequence[TimelineEntry] = ()

    @property
    def has_ended(self) -> bool:
        return self.was is not CallStatus.ENDED and self.row.status == CallStatus.ENDED


class Calls:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert(self, call: NewCall) -> CallRow:
        """Raises DuplicateCall for an id that was used, RoomTaken for a room with an open call."""
        row = CallRow(
            call_id=call.call_id,
            tenant_id=call.tenant_id,
            direction=call.direction.value,
            provider=call.provider.value,
            assistant_id=call.assistant_id,
            room_name=call.room_name,
            room_sid=call.room_sid,
            human_identity=call.human_identity,
            participant_name=call.participant_name,
            status=CallStatus.QUEUED.value,
            language=call.language,
            record=call.record,
            metadata_=call.metadata,
            started_at=call.started_at,
            trunk_id=call.trunk_id,
            to_number=call.to_number,
            from_number=call.from_number,
        )
        try:
            # A savepoint: PostgreSQL gives up the whole transaction after a refused row.
            async with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as refused:
            if await self.get(call.call_id) is not None:
                raise DuplicateCall(f"The call {call.call_id} exists.") from refused
            if await self.open_call_in_room(call.room_name) is not None:
                raise RoomTaken("This room has a call that has not ended.") from refused
            raise
        return row

    async def get(self, call_id: str, tenant_id: str | None = None) -> CallRow | None:
        found = select(CallRow).where(CallRow.call_id == call_id)
        if tenant_id is not None:
            found = found.where(CallRow.tenant_id == tenant_id)
        return (await self._session.scalars(found)).one_or_none()

    async def get_held(self, call_id: str) -> CallRow | None:
        """As it is now, and nobody changes it until the transaction ends."""
        found = select(CallRow).where(CallRow.call_id == call_id).with_for_update()
        rows = await self._session.scalars(found.execution_options(populate_existing=True))
        return rows.one_or_none()

    async def locked(self, call_id: str) -> CallRow:
        """As `get_held`. Raises CallUnknown."""
        # The row's lock also orders those who append to its timeline (PostgreSQL; SQLite has one
        # writer anyway), and populate_existing sees what the one before us wrote.
        row = await self.get_held(call_id)
        if row is None:
            raise CallUnknown(call_id)
        return row

    async def write(self, record: WriteRecord) -> CallRow:
        """Apply what is new. The status never moves back and an ended row never changes; timeline
        entries are appended at any time, each once. Raises CallUnknown."""
        return (await self.change(record)).row

    async def change(self, record: WriteRecord) -> CallChange:
        """As `write`, and tells what was there before."""
        row = await self.locked(record.call_id)
        was, was_answered = CallStatus(row.status), row.answered_at is not None
        if was is not CallStatus.ENDED:
            _apply(record, row)
            if row.status == CallStatus.ENDED:
                await fix_retention(self._session, row)
        entries = await append_entries(self._session, record.call_id, record.entries)
        return CallChange(row, was, was_answered, entries)

    async def set_assistant(self, call_id: str, chosen: AssistantChosen) -> None:
        """Raises CallUnknown. An ended call keeps the assistant it had."""
        row = await self.locked(call_id)
        if row.status == CallStatus.ENDED:
            return
        row.assistant_id = chosen.assistant_id
        row.tenant_id = chosen.tenant_id
        row.record = chosen.record
        row.language = chosen.language

    async def set_room_sid(self, call_id: str, room_sid: str) -> None:
        await self._session.execute(
            update(CallRow).where(CallRow.call_id == call_id).values(room_sid=room_sid)
        )

    async def delete(self, call_id: str) -> None:
        """Withdraw a call that never started, with everything that hangs on it."""
        row = await self._session.get(CallRow, call_id)
        if row is not None:
            await self._session.delete(row)

    async def open_calls(self) -> list[OpenCall]:
        found = select(CallRow).where(CallRow.status != CallStatus.ENDED.value)
        return [_open(row) for row in await self._session.scalars(found)]

    async def open_call_in_room(self, room_name: str) -> OpenCall | None:
        found = select(CallRow).where(
            CallRow.room_name == room_name, CallRow.status != CallStatus.ENDED.value
        )
        row = (await self._session.scalars(found)).one_or_none()
        return _open(row) if row is not None else None

    async def events(self, call_id: str, after_seq: int = 0) -> list[EventRow]:
        return await entries_after(self._session, call_id, after_seq)

    async def holds(self, call_id: str) -> Sequence[EventRow]:
        """The timeline's `held` and `resumed`, in order."""
        found = select(EventRow).where(
            EventRow.call_id == call_id, EventRow.kind.in_(("held", "resumed"))
        )
        return (await self._session.scalars(found.order_by(EventRow.seq))).all()

    async def has_event(self, call_id: str, kind: str) -> bool:
        found = select(EventRow.seq).where(EventRow.call_id == call_id, EventRow.kind == kind)
        return await self._session.scalar(found.limit(1)) is not None

    async def list(self, page: CallPage) -> CallsFound:
        return await list_calls(self._session, page)


def _apply(record: WriteRecord, row: CallRow) -> None:
    if record.status is not None and _STEP[record.status] >= _STEP[CallStatus(row.status)]:
        row.status = record.status.value
    if record.answered_at is not None:
        row.answered_at = record.answered_at
    if record.ended_at is not None:
        row.ended_at = record.ended_at
    if record.ending is not None:
        row.ended_reason = record.ending.reason.value
        row.ended_by = record.ending.ended_by.value
        row.ended_detail = record.ending.detail
    if record.talk_seconds is not None:
        row.talk_seconds = record.talk_seconds


def _open(row: CallRow) -> OpenCall:
    return OpenCall(
        call_id=row.call_id,
        tenant_id=row.tenant_id,
        room_name=row.room_name,
        room_sid=row.room_sid,
        status=CallStatus(row.status),
        direction=Direction(row.direction),
        human_identity=row.human_identity,
        started_at=row.started_at,
        answered_at=row.answered_at,
    )
