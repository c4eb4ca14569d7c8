"""Deletes what retention or a person wants gone: the wish is in the store before, the word after.

Whatever dies in between, the next round finds the wish and goes on; nothing is called deleted
while a file of it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.egress_backup import BackupUnavailable
from activities.recording_bucket import BucketSilent, BucketUnavailable
from activities.recording_files import STORE_UNAVAILABLE, recording_folder
from activities.store_errors import unknown_calls_are_final
from contract.errors import Conflict
from contract.identity import recording_workflow_id
from contract.retention import (
    NOT_ASKED_ERROR,
    DeleteRecording,
    DuePlace,
    ErasedPage,
    EraseDue,
    Kept,
    RecordingDeleted,
)
from contract.steps import Step
from store.database import Database
from store.erasures import Erasures
from store.errors import CallUnknown
from store.recordings import Recordings
from store.retention_models import ErasureRow

_PAGE = 50
_REASONS = 3
_SILENCES = 3

log = structlog.get_logger()


class _CameBetween(Exception):
    """Somebody worked on the recording while its files were deleted: one may be left."""

    def __init__(self) -> None:
        super().__init__("Somebody was at work on the recording meanwhile.")


_UNAVAILABLE = (BucketUnavailable, BackupUnavailable, _CameBetween)


class _Tries:
    """Of one page, or of one order. `again_at`: when what cannot be deleted now is due again."""

    def __init__(self, again_at: datetime | None = None) -> None:
        self.again_at = again_at
        self._silences: list[str] = []  # in a row

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises BucketSilent at once where nobody answered so often: with each question waiting
        for its time to be over, a page would take longer than it may."""
        silences, self._silences = self._silences, []
        if len(silences) >= _SILENCES:
            self._silences = silences
            raise BucketSilent(silences[-1])
        try:
            yield
        except BucketSilent as why:
            self._silences = [*silences, str(why)]
            raise


class Files(Protocol):
    """A place where recordings are kept."""

    def delete_all(self, prefix: str) -> int:
        """How many there were. Blocks. Raises _UNAVAILABLE when some may be left."""


class RetentionActivities:
    def __init__(self, database: Database, places: Sequence[Files], temporal: Client) -> None:
        self._database = database
        self._places = places
        self._temporal = temporal

    @activity.defn(name=Step.ERASE_DUE)
    async def erase_due(self, order: EraseDue) -> ErasedPage:
        """One page of what is due. What cannot be deleted now keeps nothing else waiting."""
        async with self._database.reader() as session:
            page = await Erasures(session).due(order.until, order.after, _PAGE)
        # Behind all that was due when this round began, and before what comes due later.
        tries = _Tries(again_at=order.until + timedelta(microseconds=1))
        gone = dict.fromkeys(Kept, 0)
        reasons: list[str] = []
        for erasure in page:
            activity.heartbeat(erasure.call_id)
            try:
                gone[Kept(erasure.what)] += await self._erase(erasure, tries)
            except (Conflict, *_UNAVAILABLE) as why:
                reasons.append(str(why))
                log.warning("not_deleted", call_id=erasure.call_id, what=erasure.what)
            except CallUnknown:
                continue  # withdrawn meanwhile, with everything
        last = page[-1] if len(page) == _PAGE else None
        return ErasedPage(
            recordings=gone[Kept.RECORDING],
            transcripts=gone[Kept.TRANSCRIPT],
            left=len(reasons),
            reasons=tuple(dict.fromkeys(reasons))[:_REASONS],
            last=_place(last) if last is not None else None,
        )

    @activity.defn(name=Step.DELETE_RECORDING)
    async def delete_recording(self, order: DeleteRecording) -> RecordingDeleted:
        """That somebody asked for. Raises ApplicationError: NOT_ASKED_ERROR, for good, when the
        store knows of no such wish; STORE_UNAVAILABLE when the files cannot be deleted now.
        """
        async with self._database.reader() as session:
            erasure = await Erasures(session).get(order.call_id, Kept.RECORDING)
        if erasure is None or erasure.asked_at is None:
            words = "Nobody asked for this recording's deletion."
            raise ApplicationError(words, type=NOT_ASKED_ERROR, non_retryable=True)
        if erasure.done_at is not None:
            return RecordingDeleted(deleted=True)
        try:
            with unknown_calls_are_final():
                return RecordingDeleted(
                    deleted=True, files=await self._delete(order.call_id, _Tries())
                )
        except _UNAVAILABLE as why:
            raise ApplicationError(str(why), type=STORE_UNAVAILABLE) from why

    async def _erase(self, due: ErasureRow, tries: _Tries) -> bool:
        """False when there was nothing of it."""
        async with self._database.session() as session:
            asked = await Erasures(session).ask_for_due(due)
        if asked is None:
            return False
        if asked.done_at is None:
            await self._delete(asked.call_id, tries)
        return True

    async def _delete(self, call_id: str, tries: _Tries) -> int:
        """Raises _UNAVAILABLE, CallUnknown."""
        await self._close_workflow(call_id)
        try:
            with tries.one():
                count = await self._delete_files(call_id)
        except _UNAVAILABLE as why:
            async with self._database.session() as session:
                erasures = Erasures(session)
                await erasures.recording_is_still_there(call_id, str(why), tries.again_at)
            raise
        log.info("recording_deleted", call_id=call_id, count=count)
        return count

    async def _delete_files(self, call_id: str) -> int:
        """How many there were. Raises _UNAVAILABLE, CallUnknown."""
        async with self._database.reader() as session:
            recording = await Recordings(session).get(call_id)
        as_of = recording.updated_at if recording is not None else None
        folder = recording_folder(call_id)
        found = [await asyncio.to_thread(place.delete_all, folder) for place in self._places]
        async with self._database.session() as session:
            if not await Erasures(session).recording_is_gone(call_id, sum(found), as_of):
                raise _CameBetween
        return sum(found)

    async def _close_workflow(self, call_id: str) -> None:
        """One that waits for a retry need not wait any more; most are closed long since."""
        with suppress(RPCError):
            handle = self._temporal.get_workflow_handle(recording_workflow_id(call_id))
            await handle.signal("deleted")


def _place(erasure: ErasureRow) -> DuePlace:
    return DuePlace(due_at=erasure.due_at, call_id=erasure.call_id, what=Kept(erasure.what))
