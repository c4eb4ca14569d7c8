"""A retry is one update of the recording's workflow, and answered so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from contract.calls import RecordingStatus
from contract.identity import recording_workflow_id
from contract.steps import WriteRecording
from store.recordings import Recordings
from tests.api.call_workflow import StandInRecording
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import place_of, worker
from tests.api.test_problems_and_keys import assert_problem
from tests.store.recordings import given_recording

pytestmark = pytest.mark.stack

AT_ONCE = {"Prefer": "wait=0"}
PATIENT = {"Prefer": "wait=25"}  # on a busy machine, too


@pytest.fixture
def client(temporal: WorkflowEnvironment) -> Client:
    return temporal.client


@pytest.fixture
async def calls_api(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> AsyncIterator[Service]:
    settings = settings_for(
        tmp_path,
        **place_of(temporal),
        database_url=database_url,
        start_timeout_seconds=20.0,
    )
    async with serve(settings) as running, worker(temporal.client):
        yield running


async def given_failed(service: Service, client: Client) -> str:
    """The call's id."""
    call_id = await given_recording(service.parts.database, tenant_id="default")
    await client.start_workflow(
        StandInRecording.run, id=recording_workflow_id(call_id), task_queue="calls"
    )
    return call_id


async def retry(
    service: Service, call_id: str, reason: str, key: str | None = None, **headers: str
) -> httpx2.Response:
    keyed = {"Idempotency-Key": key} if key is not None else {}
    return await service.post(
        f"/calls/{call_id}/recording/retry", {"reason": reason}, headers=PATIENT | keyed | headers
    )


async def written(service: Service, call_id: str, status: RecordingStatus) -> None:
    async with service.parts.database.session() as session:
        news = WriteRecording(call_id=call_id, status=status, attempts=1)
        await Recordings(session).write(news)


async def asked_of(client: Client, call_id: str) -> list[tuple[str, str]]:
    retries: list[Any] = await client.get_workflow_handle(recording_workflow_id(call_id)).query(
        "retries"
    )
    return [(one["by"], one["reason"]) for one in retries]


async def test_a_retry_mends_a_recording_and_says_who_and_why(
    calls_api: Service, client: Client
) -> None:
    call_id = await given_failed(calls_api, client)
    failed = await retry(calls_api, call_id, "still away", "first")
    assert failed.status_code == 200, failed.text
    assert (failed.json()["status"], failed.json()["detail"]) == (
        "needs_attention",
        "The store answered 503.",
    )
    mended = await retry(calls_api, call_id, "The store is back.", "second")
    assert (mended.status_code, mended.json()["outcome"]) == (200, "ended")
    assert (mended.json()["status"], mended.json()["attempts"]) == ("ready", 1)
    assert mended.json()["links"]["self"].endswith(f"{call_id}/recording")
    wanted = [("bootstrap", "still away"), ("bootstrap", "The store is back.")]
    assert await asked_of(client, call_id) == wanted


async def test_a_repeat_with_its_key_retries_nothing_twice(
    calls_api: Service, client: Client
) -> None:
    call_id = await given_failed(calls_api, client)
    first = await retry(calls_api, call_id, "still away", "key")
    again = await retry(calls_api, call_id, "still away", "key")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    other = await retry(calls_api, call_id, "another reason", "key")
    assert_problem(other, 422, "idempotency-key-reused")
    assert len(await asked_of(client, call_id)) == 1


async def test_a_long_retry_is_answered_before_its_end_and_waited_on_by_its_key(
    calls_api: Service, client: Client
) -> None:
    call_id = await given_failed(calls_api, client)
    early = await retry(calls_api, call_id, "takes long", "key", **AT_ONCE)
    assert (early.status_code, early.json()["outcome"]) == (202, "under_way")
    assert early.json()["status"] == "needs_attention"
    second = await retry(calls_api, call_id, "me too")
    assert_problem(second, 409, "retry-under-way")
    assert "Not to be shown" not in second.text
    workflow = client.get_workflow_handle(recording_workflow_id(call_id))
    await workflow.signal("let_end")
    await workflow.result()
    # Also of a workflow that has ended since, the key still gets what became of its retry.
    late = await retry(calls_api, call_id, "takes long", "key")
    assert (late.status_code, late.json()["status"]) == (200, "ready"), late.text
    assert len(await asked_of(client, call_id)) == 1


async def test_what_is_not_to_be_retried_says_why(calls_api: Service, client: Client) -> None:
    call_id = await given_failed(calls_api, client)
    early = await retry(calls_api, call_id, "too early")
    assert_problem(early, 409, "recording-not-failed")
    assert (await retry(calls_api, call_id, "The store is back.")).json()["status"] == "ready"
    # The workflow has ended, and the store lags behind.
    assert_problem(await retry(calls_api, call_id, "again"), 409, "recording-closed")
    for status, code in (
        (RecordingStatus.READY, "recording-not-failed"),
        (RecordingStatus.LOST, "recording-closed"),
        (RecordingStatus.DELETED, "recording-closed"),
    ):
        await written(calls_api, call_id, status)
        for key in (None, f"key-{status}", f"key-{status}"):
            assert_problem(await retry(calls_api, call_id, "again", key), 409, code)


async def test_many_are_retried_at_once_and_each_says_what_became_of_it(
    calls_api: Service, client: Client
) -> None:
    ids = {await given_failed(calls_api, client) for _ in range(5)}
    orphan = await given_recording(calls_api.parts.database, tenant_id="default")
    foreign = await given_recording(calls_api.parts.database)
    body = {"reason": "The store is back.", "reason_contains": "403", "dry_run": False}
    once = PATIENT | {"Idempotency-Key": "all"}
    answer = await calls_api.post("/recordings/retry", body, headers=once)
    assert answer.status_code == 200, answer.text
    told = {one["call_id"]: one for one in answer.json()["items"]}
    assert (set(told), answer.json()["remaining"]) == (ids | {orphan}, 0)
    assert foreign not in told
    assert {told[one]["outcome"] for one in ids} == {"ended"}
    assert {told[one]["status"] for one in ids} == {"ready"}
    assert told[orphan]["outcome"] == "refused"
    assert "runbook" in told[orphan]["detail"]
    again = await calls_api.post("/recordings/retry", body, headers=once)
    assert again.json() == answer.json()
    for one in ids:
        assert await asked_of(client, one) == [("bootstrap", "The store is back.")]


async def test_many_that_take_long_are_begun_a_few_at_a_time(
    calls_api: Service, client: Client
) -> None:
    ids = {await given_failed(calls_api, client) for _ in range(6)}
    body: dict[str, Any] = {"reason": "takes long", "dry_run": False}
    begun: list[str] = []
    for count, left in ((4, 2), (2, 0)):
        answer = await calls_api.post("/recordings/retry", body, headers=AT_ONCE)
        told = answer.json()
        assert {one["outcome"] for one in told["items"]} == {"under_way"}, told
        assert (len(told["items"]), told["remaining"]) == (count, left)
        begun += [one["call_id"] for one in told["items"]]
        body["cursor"] = told["next_cursor"]
    assert set(begun) == ids
    assert body["cursor"] is None
