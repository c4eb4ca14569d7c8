"""What of an ended call is deleted: first the wish, then the deed, then the word.

A deletion that was asked for will happen, whatever dies in between: its row is looked for until it
is done. A legal hold is looked at in the transaction that writes the wish, under the call's lock,
which who places a hold takes as well: one of the two comes first, and the other one knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, RecordingStatus
from contract.retention import BY_RETENTION, DuePlace, Kept
from store.calls import Calls
from store.errors import CallGoesOn, NoRecording, OnLegalHold, RecordingUnderWay
from store.models import CallRow, RecordingRow
from store.retention_models import ErasureRow, LegalHoldRow
from store.timeline import RETENTION_SOURCE, note
from store.transcripts import Transcripts

_WRITTEN_STILL = (
    RecordingStatus.PENDING,
    RecordingStatus.RECORDING,
    RecordingStatus.FINALISING,
)


class Erasures:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, call_id: str, what: Kept) -> ErasureRow | None:
        return await self._session.get(ErasureRow, (call_id, what.value))

    async def of_call(self, call_id: str) -> dict[Kept, ErasureRow]:
        found = select(ErasureRow).where(ErasureRow.call_id == call_id)
        return {Kept(row.what): row for row in await self._session.scalars(found)}

    async def due(
        self, until: datetime, after: DuePlace | None, limit: int
    ) -> Sequence[ErasureRow]:
        """What retention wants gone, and what was asked for and is not done; oldest first. Of calls
        on legal hold only the latter: those were asked for before the hold."""
        held = select(LegalHoldRow.call_id).where(LegalHoldRow.call_id == ErasureRow.call_id)
        found = select(ErasureRow).where(
            ErasureRow.done_at.is_(None),
            ErasureRow.due_at <= until,
            ErasureRow.asked_at.is_not(None) | ~held.exists(),
        )
        place = tuple_(ErasureRow.due_at, ErasureRow.call_id, ErasureRow.what)
        if after is not None:
            found = found.where(place > (after.due_at, after.call_id, after.what.value))
        ordered = found.order_by(ErasureRow.due_at, ErasureRow.call_id, ErasureRow.what)
        return (await self._session.scalars(ordered.limit(limit))).all()

    async def ask(self, call_id: str, what: Kept, by: str, reason: str) -> ErasureRow:
        """Have it deleted. Asked before: nothing changes. What was said is gone with this
        transaction; a recording has files elsewhere, so `recording_is_gone` has the last word.

        Raises CallUnknown, CallGoesOn, RecordingUnderWay, NoRecording, OnLegalHold.
        """
        call = await Calls(self._session).locked(call_id)
        erasure = await self._fresh(call_id, what)
        if erasure is not None and erasure.asked_at is not None:
            return erasure
        await self._check(call, what)
        now = datetime.now(UTC)
        if erasure is None:
            erasure = ErasureRow(call_id=call_id, what=what.value, due_at=now)
            self._session.add(erasure)
        # A deletion that was asked for is due at once: one list has both kinds.
        erasure.due_at = min(erasure.due_at, now)
        erasure.asked_at, erasure.asked_by, erasure.reason = now, by, reason
        if what is Kept.TRANSCRIPT:
            await self._delete_transcript(erasure)
        else:
            await self._note(erasure, "recording_deletion_asked", f"To be deleted: {reason}")
        await self._session.flush()
        return erasure

    async def ask_for_due(self, erasure: ErasureRow) -> ErasureRow | None:
        """What retention wants gone. None: there was nothing of it, and the row is gone instead.
        Raises as `ask` does."""
        call = await Calls(self._session).locked(erasure.call_id)
        what, key = Kept(erasure.what), (erasure.call_id, erasure.what)
        days = (erasure.due_at - (call.ended_at or call.started_at)).days
        reason = f"Kept for {days} {'day' if days == 1 else 'days'}, as the assistant says."
        try:
            return await self.ask(erasure.call_id, what, BY_RETENTION, reason)
        except NoRecording:
            await self._session.delete(await self._session.get_one(ErasureRow, key))
            return None

    async def recording_is_gone(self, call_id: str, files: int, as_of: datetime | None) -> bool:
        """The last word, once no file is left. Said before: nothing changes. Raises CallUnknown.

        `as_of`: the recording's `updated_at` before its files were looked for. False when somebody
        works on it, or did since: what they brought may have come behind whoever looked.
        """
        await Calls(self._session).locked(call_id)
        erasure = await self._fresh(call_id, Kept.RECORDING)
        recording = await self._session.get(RecordingRow, call_id, populate_existing=True)
        if erasure is None or recording is None or erasure.done_at is not None:
            return True
        if recording.updated_at != as_of or recording.status in _WRITTEN_STILL:
            return False
        text = f"The recording is deleted: {erasure.reason}"
        is_told = recording.status == RecordingStatus.DELETED
        if is_told:
            text = f"A file that came after the deletion is deleted too: {erasure.reason}"
        now = datetime.now(UTC)
        erasure.done_at, erasure.failure = now, ""
        recording.status, recording.updated_at = RecordingStatus.DELETED.value, now
        recording.detail = f"Deleted: {erasure.reason}"
        if files or not is_told:
            await self._note(erasure, "recording_deleted", text, files=files)
        return True

    async def a_file_may_have_come(self, call_id: str) -> None:
        """From Egress, or from a retry that was at work when the recording was deleted. Deleted
        stays deleted: the next round of retention looks again, and deletes that file too."""
        known = await self.get(call_id, Kept.RECORDING)
        if known is None or known.asked_at is None:
            return
        await Calls(self._session).locked(call_id)
        erasure = await self._fresh(call_id, Kept.RECORDING)
        recording = await self._session.get(RecordingRow, call_id)
        if erasure is not None and recording is not None:
            erasure.done_at = None
            recording.updated_at = datetime.now(UTC)  # `recording_is_gone` asks for it

    async def recording_is_still_there(
        self, call_id: str, why: str, again_at: datetime | None = None
    ) -> None:
        """A try that failed, for those who read the call meanwhile. `again_at`: it is due again
        then, behind what was not tried yet; a page full of it would else keep the rest waiting."""
        erasure = await self._fresh(call_id, Kept.RECORDING)
        if erasure is not None and erasure.done_at is None:
            erasure.failure = why
            erasure.due_at = again_at or erasure.due_at

    async def _check(self, call: CallRow, what: Kept) -> None:
        if call.status != CallStatus.ENDED:
            raise CallGoesOn
        hold = await self._session.get(LegalHoldRow, call.call_id, populate_existing=True)
        if hold is not None:
            raise OnLegalHold(hold.placed_by, hold.reason)
        if what is Kept.RECORDING:
            row = await self._session.get(RecordingRow, call.call_id, populate_existing=True)
            if row is None:
                raise NoRecording
            if row.status in _WRITTEN_STILL:
                raise RecordingUnderWay(row.status)

    async def _delete_transcript(self, erasure: ErasureRow) -> None:
        turns = await Transcripts(self._session).delete(erasure.call_id)
        erasure.done_at = erasure.asked_at
        text = f"What was said is deleted: {erasure.reason}"
        await self._note(erasure, "transcript_deleted", text, turns=turns)

    async def _note(self, erasure: ErasureRow, kind: str, text: str, **data: int) -> None:
        by_us = erasure.asked_by == BY_RETENTION
        actor = "platform" if by_us else "operator"
        told = {"requested_by": erasure.asked_by, **data}
        await note(self._session, erasure.call_id, RETENTION_SOURCE, actor, kind, text, told)

    async def _fresh(self, call_id: str, what: Kept) -> ErasureRow | None:
        """As it is under the call's lock, whatever this session saw before."""
        key = (call_id, what.value)
        return await self._session.get(ErasureRow, key, populate_existing=True)
