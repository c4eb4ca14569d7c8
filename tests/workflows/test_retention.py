"""Retention with the real store, on a real Temporal server that skips time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.recording_bucket import BucketUnavailable
from activities.retention import RetentionActivities
from contract.identity import erasing_workflow_id, new_call_id
from contract.retention import DeleteRecording, Kept, RecordingDeleted, RetentionReport
from store.database import Database
from store.erasures import Erasures
from store.recordings import Recordings
from store.transcripts import Transcripts
from tests.ended_calls import ended_call, given_assistant
from tests.workflows.saved_histories import save_histories
from workflows.retention import DeleteRecordingWorkflow, RetentionWorkflow
from workflows.sandbox import our_sandbox

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Bucket:
    """In place of S3, which tests/activities has: `fails` so often first."""

    fails: int = 0
    deleted: list[str] = field(default_factory=list)

    def delete_all(self, prefix: str) -> int:
        if self.fails:
            self.fails -= 1
            raise BucketUnavailable("S3 does not answer.")
        self.deleted.append(prefix)
        return 1


@dataclass
class Archive:
    client: Client
    task_queue: str
    database: Database
    bucket: Bucket

    async def go_round(self, after: timedelta = timedelta(0)) -> RetentionReport:
        round: WorkflowHandle[Any, RetentionReport] = await self.client.start_workflow(
            RetentionWorkflow.run,
            id=f"round-{new_call_id()}",
            task_queue=self.task_queue,
            start_delay=after,
        )
        return await round.result()

    async def delete(self, call_id: str) -> RecordingDeleted:
        async with self.database.session() as session:
            await Erasures(session).ask(call_id, Kept.RECORDING, "desk", "GDPR 17")
        return await self.client.execute_workflow(
            DeleteRecordingWorkflow.run,
            DeleteRecording(call_id),
            id=erasing_workflow_id(call_id),
            task_queue=self.task_queue,
        )

    async def status(self, call_id: str) -> str:
        async with self.database.reader() as session:
            row = await Recordings(session).get(call_id)
        assert row is not None
        return row.status

    async def turns(self, call_id: str) -> int:
        async with self.database.reader() as session:
            return len(await Transcripts(session).list(call_id))


def two_days_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=2)


@pytest_asyncio.fixture(loop_scope="session")
async def archive(
    client: Client, task_queue: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Archive]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/retention.db")
    await database.migrate()
    bucket = Bucket()
    activities = RetentionActivities(database, [bucket], client)
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[RetentionWorkflow, DeleteRecordingWorkflow],
        activities=[activities.erase_due, activities.delete_recording],
        workflow_runner=our_sandbox(),
    ):
        yield Archive(client, task_queue, database, bucket)
        if os.environ.get("SAVE_HISTORIES"):
            await save_histories(client, task_queue, request.node.name)
    await database.aclose()


async def test_thirty_days_later_it_is_deleted_and_not_before(archive: Archive) -> None:
    await given_assistant(archive.database, recording_days=30, transcript_days=30)
    now = datetime.now(UTC)
    call_id = await ended_call(archive.database, now)
    assert await archive.go_round() == RetentionReport()
    assert await archive.go_round(timedelta(days=29)) == RetentionReport()
    assert (await archive.status(call_id), await archive.turns(call_id)) == ("ready", 1)
    month = timedelta(days=30, minutes=1)
    assert await archive.go_round(month) == RetentionReport(recordings=1, transcripts=1)
    assert (await archive.status(call_id), await archive.turns(call_id)) == ("deleted", 0)
    assert archive.bucket.deleted == [f"recordings/{call_id}/"]


async def test_a_round_goes_on_page_by_page(archive: Archive) -> None:
    await given_assistant(archive.database, transcript_days=1)
    for _ in range(51):
        await ended_call(archive.database, two_days_ago())
    assert await archive.go_round() == RetentionReport(transcripts=51)
    assert await archive.go_round() == RetentionReport()


async def test_what_cannot_be_deleted_keeps_nothing_else_waiting(archive: Archive) -> None:
    await given_assistant(archive.database, recording_days=1)
    first, second = [await ended_call(archive.database, two_days_ago()) for _ in range(2)]
    archive.bucket.fails = 1
    report = await archive.go_round()
    assert report == RetentionReport(recordings=1, left=1, reasons=("S3 does not answer.",))
    assert sorted([await archive.status(first), await archive.status(second)]) == [
        "deleted",
        "ready",
    ]
    assert await archive.go_round() == RetentionReport(recordings=1)


async def test_who_asks_for_a_deletion_gets_it_once_the_store_is_back(archive: Archive) -> None:
    call_id = await ended_call(archive.database)
    archive.bucket.fails = 3
    assert await archive.delete(call_id) == RecordingDeleted(deleted=True, files=1)
    assert await archive.status(call_id) == "deleted"


async def test_a_store_that_stays_away_leaves_it_to_the_rounds(archive: Archive) -> None:
    call_id = await ended_call(archive.database)
    archive.bucket.fails = 10_000
    left = await archive.delete(call_id)
    assert not left.deleted
    assert left.detail.startswith("S3 does not answer.")
    assert await archive.status(call_id) == "ready"
    archive.bucket.fails = 0
    assert await archive.go_round() == RetentionReport(recordings=1)
    assert await archive.status(call_id) == "deleted"
