"""Files of recordings are deleted in a real object store, and called deleted only then."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.egress_backup import EgressBackup
from activities.recording_bucket import BucketSilent, RecordingBucket
from activities.retention import Files, RetentionActivities
from contract.identity import recording_workflow_id
from contract.retention import DeleteRecording, ErasedPage, EraseDue, Kept, RecordingDeleted
from store.database import Database
from store.erasures import Erasures
from store.legal_holds import LegalHolds
from store.models import RecordingRow
from store.recordings import Recordings
from store.retention_models import ErasureRow
from store.transcripts import Transcripts
from tests.ended_calls import ended_call, given_assistant, record
from tests.object_store import ObjectStore, object_store
from tests.store.calls import NOON

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

TEMPORAL = Path(sys.executable).with_name("temporal")
LATER = NOON + timedelta(days=40)
HOUR = timedelta(hours=1)


class DiesAfterDeleting:
    """A worker that is killed between the deed and the word."""

    def __init__(self, really: RecordingBucket) -> None:
        self._really = really

    def delete_all(self, prefix: str) -> int:
        self._really.delete_all(prefix)
        raise RuntimeError("The worker was killed.")


class Silent:
    """A store that does not answer, and counts who waited for it."""

    def __init__(self) -> None:
        self.asked = 0

    def delete_all(self, prefix: str) -> int:
        self.asked += 1
        raise BucketSilent("S3 does not answer.")


class FileComesBehind:
    """A retry of the recording that is at work while its files are deleted."""

    def __init__(self, really: RecordingBucket, bring: Callable[[], Awaitable[None]]) -> None:
        self._really, self._bring = really, bring
        self._loop = asyncio.get_running_loop()

    def delete_all(self, prefix: str) -> int:
        count = self._really.delete_all(prefix)
        asyncio.run_coroutine_threadsafe(self._brought(), self._loop).result()
        return count

    async def _brought(self) -> None:
        await self._bring()


@dataclass
class Desk:
    """The activities as a worker calls them."""

    temporal: Client
    store: ObjectStore
    database: Database

    async def recorded(self, *segments: str) -> str:
        call_id = await ended_call(self.database)
        for name in segments:
            await self.store.put(f"recordings/{call_id}/{name}")
        return call_id

    async def ask(self, call_id: str) -> None:
        async with self.database.session() as session:
            await Erasures(session).ask(call_id, Kept.RECORDING, "desk", "GDPR 17")

    async def delete(self, call_id: str, bucket: Files | None = None) -> RecordingDeleted:
        order = DeleteRecording(call_id)
        return await ActivityEnvironment().run(self._activities(bucket).delete_recording, order)

    async def go_round(self, bucket: Files | None = None, until: datetime = LATER) -> ErasedPage:
        """Its first page."""
        order = EraseDue(until=until)
        return await ActivityEnvironment().run(self._activities(bucket).erase_due, order)

    def _activities(self, bucket: Files | None) -> RetentionActivities:
        return RetentionActivities(self.database, [bucket or self.store.bucket], self.temporal)

    async def files(self, call_id: str) -> list[str]:
        return await self.store.keys(f"recordings/{call_id}/")

    async def recording(self, call_id: str) -> RecordingRow:
        async with self.database.reader() as session:
            row = await Recordings(session).get(call_id)
        assert row is not None
        return row

    async def erasure(self, call_id: str) -> ErasureRow:
        async with self.database.reader() as session:
            row = await Erasures(session).get(call_id, Kept.RECORDING)
        assert row is not None
        return row


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL), dev_server_extra_args=["--log-level", "error"]
    ) as environment:
        yield environment.client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store() -> AsyncIterator[ObjectStore]:
    async with object_store() as store:
        yield store


@pytest_asyncio.fixture(loop_scope="module")
async def desk(temporal: Client, store: ObjectStore, tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/retention.db")
    await database.migrate()
    yield Desk(temporal, store, database)
    await database.aclose()


async def test_every_file_of_the_call_is_deleted_and_no_other_calls(desk: Desk) -> None:
    call_id, other = await desk.recorded("1.ogg", "2.ogg", "2.json"), await desk.recorded("1.ogg")
    await desk.ask(call_id)
    assert await desk.delete(call_id) == RecordingDeleted(deleted=True, files=3)
    assert await desk.files(call_id) == []
    assert (await desk.recording(call_id)).status == "deleted"
    assert await desk.delete(call_id) == RecordingDeleted(deleted=True)  # a repeat
    assert await desk.files(other) == [f"recordings/{other}/1.ogg"]


async def test_egress_backup_of_a_recording_goes_too(desk: Desk, tmp_path: Path) -> None:
    call_id = await desk.recorded()
    backup, other = tmp_path / "backup", tmp_path / "backup/recordings/call_other/1.ogg"
    for file in (backup / f"recordings/{call_id}/1.ogg", other):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"OggS")
    await desk.ask(call_id)
    with pytest.raises(ApplicationError, match="backup storage"):
        await desk.delete(call_id, EgressBackup(tmp_path / "not mounted"))
    assert await desk.delete(call_id, EgressBackup(backup)) == RecordingDeleted(
        deleted=True, files=1
    )
    assert [file for file in backup.rglob("*") if file.is_file()] == [other]


async def test_nothing_is_deleted_that_nobody_asked_for(desk: Desk) -> None:
    call_id = await desk.recorded("1.ogg")
    with pytest.raises(ApplicationError) as refused:
        await desk.delete(call_id)
    assert (refused.value.type, refused.value.non_retryable) == ("deletion-not-asked", True)
    assert len(await desk.files(call_id)) == 1


async def test_a_worker_that_dies_in_between_is_followed_by_the_next_round(desk: Desk) -> None:
    call_id = await desk.recorded("1.ogg")
    await desk.ask(call_id)
    with pytest.raises(RuntimeError):
        await desk.delete(call_id, DiesAfterDeleting(desk.store.bucket))
    assert await desk.files(call_id) == []
    assert (await desk.recording(call_id)).status == "ready"  # the word is not said yet
    assert await desk.go_round() == ErasedPage(recordings=1)
    assert (await desk.recording(call_id)).status == "deleted"
    assert await desk.go_round() == ErasedPage()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"endpoint": "http://127.0.0.1:1"}, "does not answer"), ({"bucket": "nobodys"}, "no bucket")],
    ids=["away", "wrong bucket"],
)
async def test_a_store_that_cannot_delete_leaves_the_recording_as_it_was(
    desk: Desk, wrong: dict[str, str], words: str
) -> None:
    await given_assistant(desk.database, recording_days=30)
    call_id = await desk.recorded("1.ogg")
    bucket = replace(desk.store.bucket, **wrong)
    page = await desk.go_round(bucket)
    assert (page.recordings, page.left) == (0, 1)
    assert words in page.reasons[0]
    erasure = await desk.erasure(call_id)
    assert (erasure.asked_by, erasure.done_at) == ("retention", None)
    assert words in erasure.failure
    assert (await desk.recording(call_id)).status == "ready"
    with pytest.raises(ApplicationError, match=words) as refused:
        await desk.delete(call_id, bucket)
    assert not refused.value.non_retryable
    assert await desk.go_round(until=LATER + HOUR) == ErasedPage(recordings=1)
    assert await desk.files(call_id) == []
    assert (await desk.erasure(call_id)).failure == ""


async def test_what_cannot_be_deleted_is_tried_again_behind_the_rest(desk: Desk) -> None:
    """As many as a round has pages of would else keep everything else for ever."""
    await given_assistant(desk.database, recording_days=30)
    for _ in range(50):
        await desk.recorded()
    await given_assistant(desk.database, "other", transcript_days=31)
    words = await ended_call(desk.database, tenant_id="other")
    refusing = replace(desk.store.bucket, bucket="nobodys")
    first = await desk.go_round(refusing)
    assert (first.left, first.transcripts) == (50, 0)
    second = await desk.go_round(refusing, LATER + HOUR)
    assert (second.left, second.transcripts) == (49, 1)
    async with desk.database.reader() as session:
        assert await Transcripts(session).list(words) == []
    third = await desk.go_round(until=LATER + 2 * HOUR)
    assert (third.left, third.recordings) == (0, 50)


async def test_a_store_that_does_not_answer_is_soon_asked_no_more(desk: Desk) -> None:
    """Until the next page; what was asked for stays asked for, and words are deleted."""
    await given_assistant(desk.database, recording_days=30, transcript_days=30)
    calls = [await desk.recorded("1.ogg") for _ in range(5)]
    silent = Silent()
    page = await desk.go_round(silent)
    assert (silent.asked, page.left, page.transcripts) == (3, 5, 5)
    for call_id in calls:
        erasure = await desk.erasure(call_id)
        assert (erasure.failure, erasure.done_at) == ("S3 does not answer.", None)
    later = await desk.go_round(until=LATER + HOUR)
    assert (later.left, later.recordings) == (0, 5)


async def test_a_round_deletes_what_is_due_and_leaves_out_what_is_held(desk: Desk) -> None:
    await given_assistant(desk.database, recording_days=30, transcript_days=7)
    gone, held = await desk.recorded("1.ogg"), await desk.recorded("1.ogg")
    async with desk.database.session() as session:
        await LegalHolds(session).place(held, "counsel", "Case 117")
    assert await desk.go_round() == ErasedPage(recordings=1, transcripts=1)
    assert (await desk.files(gone), len(await desk.files(held))) == ([], 1)
    async with desk.database.session() as session:
        await LegalHolds(session).lift(held, "counsel", "Settled")
    assert await desk.go_round() == ErasedPage(recordings=1, transcripts=1)


async def test_a_file_that_a_retry_brings_behind_the_deletion_does_not_stay(desk: Desk) -> None:
    call_id = await desk.recorded("1.ogg")
    await desk.ask(call_id)

    async def bring() -> None:
        await desk.store.put(f"recordings/{call_id}/2.ogg")
        await record(desk.database, call_id)

    with pytest.raises(ApplicationError, match="at work on the recording"):
        await desk.delete(call_id, FileComesBehind(desk.store.bucket, bring))
    assert (await desk.recording(call_id)).status == "ready"
    assert await desk.delete(call_id) == RecordingDeleted(deleted=True, files=1)
    assert await desk.files(call_id) == []


async def test_a_recordings_workflow_that_waits_for_a_retry_is_told(desk: Desk) -> None:
    call_id = await desk.recorded("1.ogg")
    workflow_id = recording_workflow_id(call_id)
    waiting = await desk.temporal.start_workflow("Waiting", id=workflow_id, task_queue="nobody")
    await desk.ask(call_id)
    await desk.delete(call_id)
    names = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in (await waiting.fetch_history()).events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert names == ["deleted"]
    await waiting.terminate()
