"""Recordings as operators see and retry them."""

from __future__ import annotations

from dataclasses import dataclass

from api.calls.service import recording_of
from api.links import recording_links
from api.parts import Parts
from api.recordings.refusals import RecordingNotRequested, refused_by_state
from api.recordings.retrying import NotToBeRetried, RetryGoesOn, Retrying
from api.recordings.schemas import RecordingSummary, RetryOutcome, RetryRead
from api.settings import ApiSettings
from contract.calls import RecordingStatus
from contract.recordings import RecordingReport, RecordingRetry
from store.models import CallRow, RecordingRow
from store.recordings import Recordings

# Of one retry: bringing a file in from Egress' storage takes less; recording anew need not.
PATIENCE = 10.0


def summary_of(settings: ApiSettings, call: CallRow, row: RecordingRow) -> RecordingSummary:
    return RecordingSummary(
        call_id=call.call_id,
        assistant_id=call.assistant_id,
        status=RecordingStatus(row.status),
        detail=row.detail,
        attempts=row.attempts,
        started_at=call.started_at,
        ended_at=call.ended_at,
        updated_at=row.updated_at,
        duration_seconds=row.duration_seconds,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        links=recording_links(settings, call.call_id),
    )


@dataclass(frozen=True, slots=True)
class CallRetry:
    """One call's recording, to be retried."""

    parts: Parts
    call: CallRow

    async def retry(
        self, retry: RecordingRetry, update_id: str | None, patience: float
    ) -> RecordingReport:
        """Raises RetryGoesOn, RetryRefused, TemporalAway, WorkerAbsent."""
        if not self.call.record and await self._row() is None:
            raise RecordingNotRequested("")
        retrying = Retrying(self.parts.temporal, self.parts.settings.start_timeout)
        try:
            return await retrying.retry(self.call.call_id, retry, update_id, patience)
        except NotToBeRetried as no:
            known = recording_of(self.call, await self._row())
            raise refused_by_state(known, is_closed=no.is_closed) from no

    def read(self, report: RecordingReport) -> RetryRead:
        return self._read(RetryOutcome.ENDED, report.status, report.attempts, report.detail)

    async def read_later(self, goes_on: RetryGoesOn) -> RetryRead:
        return await self.read_now(RetryOutcome.UNDER_WAY, str(goes_on))

    async def read_now(self, outcome: RetryOutcome, detail: str) -> RetryRead:
        """With the status that the store has at the moment."""
        known = recording_of(self.call, await self._row())
        return self._read(outcome, known.status, known.attempts, detail)

    def read_before(self, row: RecordingRow) -> RetryRead:
        status = RecordingStatus(row.status)
        return self._read(RetryOutcome.WOULD_RETRY, status, row.attempts, row.detail)

    def _read(
        self, outcome: RetryOutcome, status: RecordingStatus, attempts: int, detail: str
    ) -> RetryRead:
        return RetryRead(
            call_id=self.call.call_id,
            outcome=outcome,
            status=status,
            attempts=attempts,
            detail=detail,
            links=recording_links(self.parts.settings, self.call.call_id),
        )

    async def _row(self) -> RecordingRow | None:
        async with self.parts.database.reader() as session:
            return await Recordings(session).get(self.call.call_id)
