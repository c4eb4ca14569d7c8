"""Recordings from the command line, against the real API and its database; Temporal is away."""

from __future__ import annotations

import pytest

from contract.calls import RecordingStatus
from tests.cli.conftest import Installation, Switchboard
from tests.cli.running import run
from tests.cli.small_api import problem, small_api, told
from tests.store.recordings import REFUSED, given_recording

CALL = "call_0qx9s6q7581bt3j7x7dg8rz9gc"
WHY = ("--reason", "The store is back.")


def became(outcome: str, status: str, detail: str = "So it is.") -> dict[str, object]:
    return {"call_id": CALL, "outcome": outcome, "status": status, "detail": detail}


async def test_failed_recordings_are_listed_and_would_be_retried(
    installation: Installation, switchboard: Switchboard
) -> None:
    database = installation.service.parts.database
    failed = await given_recording(database, tenant_id="default")
    whole = await given_recording(database, RecordingStatus.READY, tenant_id="default", detail="")
    shown = await switchboard("recordings", "list", "--status", "failed")
    assert shown.code == 0, shown.err
    assert failed in shown.out
    assert REFUSED in shown.out
    assert whole not in shown.out
    every = await switchboard("recordings", "list", "--all", "--json")
    assert {item["call_id"] for item in every.document["items"]} == {failed, whole}
    dry = await switchboard("recordings", "retry", "--all", "--dry-run", *WHY, "--json")
    assert [item["outcome"] for item in dry.document["items"]] == ["would_retry"]


@pytest.mark.parametrize(
    "arguments",
    [(*WHY,), (CALL, "--all", *WHY), (CALL, "--dry-run", *WHY), (CALL,)],
    ids=["none", "both", "dry-run-of-one", "no-reason"],
)
async def test_what_is_to_be_retried_has_to_be_said(arguments: tuple[str, ...]) -> None:
    async with small_api(told(500)) as api:
        ran = await run("recordings", "retry", *arguments, environment=api.environment())
    assert ran.code == 2
    assert not api.asked


async def test_a_long_retry_is_waited_for_under_one_key() -> None:
    answers = (told(202, became("under_way", "finalising")), told(200, became("ended", "ready")))
    async with small_api(*answers) as api:
        ran = await run("recordings", "retry", CALL, *WHY, environment=api.environment())
    assert ran.code == 0, ran.err
    assert "ready" in ran.out
    keys = {request.headers["Idempotency-Key"] for request in api.asked}
    assert (len(api.asked), len(keys)) == (2, 1)


async def test_a_recording_that_is_not_mended_ends_with_an_exit_code() -> None:
    async with small_api(told(200, became("ended", "needs_attention", "503."))) as api:
        ran = await run("recordings", "retry", CALL, *WHY, environment=api.environment())
        assert ran.code == 1
        assert "503." in ran.out
    async with small_api(problem(409, "recording-closed")) as api:
        ran = await run("recordings", "retry", CALL, *WHY, environment=api.environment())
        assert ran.code == 6


async def test_all_are_retried_page_by_page_after_a_look() -> None:
    def page(outcome: str, cursor: str | None) -> dict[str, object]:
        items = [became(outcome, "ready")]
        return {"items": items, "next_cursor": cursor, "remaining": 1 if cursor else 0}

    answers = (
        told(200, page("would_retry", None)),
        told(200, page("ended", "more")),
        told(200, page("ended", None)),
    )
    async with small_api(*answers) as api:
        ran = await run(
            "recordings", "retry", "--all", *WHY, "--json", environment=api.environment()
        )
        bodies = [await request.json() for request in api.asked]
    assert ran.code == 0, ran.err
    assert [item["outcome"] for item in ran.document["items"]] == ["ended", "ended"]
    assert [body.get("dry_run", True) for body in bodies] == [True, False, False]
    assert [body.get("cursor") for body in bodies] == [None, None, "more"]
