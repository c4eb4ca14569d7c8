"""The recording of a call: at most one row each, every attempt on the call's timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import RecordingStatus, TimelineEntry
from contract.steps import WriteRecording
from store.erasures import Erasures
from store.errors import CallUnknown
from store.models import CallRow, RecordingRow
from store.timeline import append_entries

_KEPT_WHEN_NONE = ("egress_id", "object_key", "duration_seconds", "size_bytes", "sha256")


@dataclass(frozen=True, slots=True)
class RecordingChange:
    """A row as it is now, its status before (None: it is new), and what is new on the timeline."""

    row: RecordingRow
    was: str | None
    entries: Sequence[TimelineEntry]


class Recordings:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def write(self, news: WriteRecording) -> RecordingRow:
        """Apply what is new; fields that are None stay as they are. Raises CallUnknown."""
        return (await self.change(news)).row

    async def change(self, news: WriteRecording) -> RecordingChange:
        """As `write`, and tells what was there before."""
        call = select(CallRow.call_id).where(CallRow.call_id == news.call_id).with_for_update()
        if await self._session.scalar(call) is None:
            raise CallUnknown(news.call_id)
        row = await self.get(news.call_id)
        was = row.status if row is not None else None
        if row is None:
            row = RecordingRow(call_id=news.call_id)
            self._session.add(row)
        if was == RecordingStatus.DELETED:
            await Erasures(self._session).a_file_may_have_come(news.call_id)
            entries = await append_entries(self._session, news.call_id, news.entries)
            return RecordingChange(row, was, entries)
        row.status = news.status.value
        row.attempts = news.attempts
        row.detail = news.detail
        row.updated_at = datetime.now(UTC)
        for name in _KEPT_WHEN_NONE:
            value = getattr(news, name)
            if value is not None:
                setattr(row, name, value)
        await self._session.flush()
        entries = await append_entries(self._session, news.call_id, news.entries)
        return RecordingChange(row, was, entries)

    async def get(self, call_id: str) -> RecordingRow | None:
        return await self._session.get(RecordingRow, call_id)

    async def by_egress(self, egress_id: str) -> RecordingRow | None:
        found = select(RecordingRow).where(RecordingRow.egress_id == egress_id)
        return (await self._session.scalars(found)).one_or_none()
