"""Recordings as operators find and retry them, as far as the store alone goes: Temporal is away."""

from __future__ import annotations

from typing import Any

import pytest

from contract.calls import RecordingStatus
from contract.identity import new_call_id, recording_workflow_id
from tests.api.service import Service
from tests.api.test_problems_and_keys import assert_problem
from tests.store.recordings import REFUSED, given_recording

WHY = {"reason": "The store is back."}


async def given(
    service: Service, status: RecordingStatus = RecordingStatus.NEEDS_ATTENTION, **more: Any
) -> str:
    return await given_recording(service.parts.database, status, tenant_id="default", **more)


async def listed(service: Service, **query: str) -> list[str]:
    found = await service.get("/recordings", params=query)
    assert found.status_code == 200, found.text
    return [item["call_id"] for item in found.json()["items"]]


async def test_a_recording_in_the_list_says_what_became_of_it(service: Service) -> None:
    call_id = await given(service)
    (item,) = (await service.get("/recordings")).json()["items"]
    links = item.pop("links")
    assert links["self"] == f"http://api.test/calls/{call_id}/recording"
    assert links["temporal"].endswith(f"/workflows/{recording_workflow_id(call_id)}")
    assert item.pop("updated_at")
    assert item == {
        "call_id": call_id,
        "assistant_id": "demo",
        "status": "needs_attention",
        "detail": REFUSED,
        "attempts": 1,
        "started_at": "2026-11-21T12:00:00Z",
        "ended_at": None,
        "duration_seconds": None,
        "size_bytes": None,
        "sha256": None,
    }


async def test_the_list_is_filtered(service: Service) -> None:
    ids = {status: await given(service, status) for status in RecordingStatus}
    other = await given(service, RecordingStatus.READY, assistant_id="bar", detail="Whole: 3 s.")
    failed = {ids[RecordingStatus.NEEDS_ATTENTION], ids[RecordingStatus.LOST]}
    assert set(await listed(service, status="failed")) == failed
    assert await listed(service, status="needs_attention", reason_contains="s3 ANSWERED") == [
        ids[RecordingStatus.NEEDS_ATTENTION]
    ]
    assert await listed(service, assistant_id="bar") == [other]
    assert await listed(service, started_before="2026-11-21T12:00:00Z") == []
    assert len(await listed(service, limit="3")) == 3
    wrong = await service.get("/recordings", params={"status": "not_requested"})
    assert_problem(wrong, 422, "invalid-request")


async def test_a_retry_that_nobody_hears_is_unavailable(service: Service) -> None:
    path = f"/calls/{await given(service)}/recording/retry"
    assert_problem(await service.post(path, WHY), 503, "unavailable")
    assert_problem(
        await service.post("/recordings/retry", WHY | {"dry_run": False}), 503, "unavailable"
    )


async def test_a_dry_run_needs_nobody_else(service: Service) -> None:
    ids = {await given(service) for _ in range(3)}
    await given(service, RecordingStatus.READY)
    await given(service, detail="The file has no sound.")
    wanted = WHY | {"reason_contains": "403", "limit": 2}
    first = (await service.post("/recordings/retry", wanted)).json()
    assert (first["dry_run"], first["remaining"], len(first["items"])) == (True, 1, 2)
    rest = await service.post("/recordings/retry", wanted | {"cursor": first["next_cursor"]})
    told = [*first["items"], *rest.json()["items"]]
    assert {one["call_id"] for one in told} == ids
    assert {(one["outcome"], one["detail"]) for one in told} == {("would_retry", REFUSED)}
    assert (rest.json()["next_cursor"], rest.json()["remaining"]) == (None, 0)


async def test_what_was_never_to_be_recorded_is_not_retried(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    refused = await service.post(f"/calls/{call_id}/recording/retry", WHY)
    assert_problem(refused, 409, "recording-not-requested")
    missing = await service.post(f"/calls/{new_call_id()}/recording/retry", WHY)
    assert_problem(missing, 404, "call-not-found")


@pytest.mark.parametrize(
    "body",
    [None, {}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}],
    ids=["none", "empty", "no-reason", "blank", "long"],
)
async def test_who_retries_says_why(service: Service, body: Any) -> None:
    path = f"/calls/{await given(service)}/recording/retry"
    assert_problem(await service.post(path, body), 422, "invalid-request")
    assert_problem(await service.post("/recordings/retry", body), 422, "invalid-request")


@pytest.mark.parametrize(
    "wrong",
    [{"status": "lost"}, {"dry_run": "no"}, {"limit": 101}, {"started_after": 5}],
    ids=["lost", "dry-run", "limit", "started-after"],
)
async def test_what_is_no_filter_of_retries(service: Service, wrong: dict[str, Any]) -> None:
    answer = await service.post("/recordings/retry", WHY | wrong)
    assert_problem(answer, 422, "invalid-request")
