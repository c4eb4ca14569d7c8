"""Deletions and legal holds as clients ask for them. Temporal is away: what needs it waits."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from contract.calls import RecordingStatus
from contract.identity import new_call_id
from contract.retention import Kept
from store.database import Database
from store.erasures import Erasures
from store.recordings import Recordings
from tests.api.service import Service
from tests.api.test_problems_and_keys import assert_problem
from tests.ended_calls import end, ended_call, given_call, record

WHY = {"reason": "GDPR 17"}


@pytest.fixture
def database(service: Service) -> Database:
    return service.parts.database


async def delete(service: Service, path: str, **query: str) -> httpx2.Response:
    return await service.client.delete(path, params=query or WHY)


async def shown(service: Service, path: str) -> dict[str, Any]:
    answer = await service.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_was_said_is_deleted_at_once(service: Service, database: Database) -> None:
    call_id = await ended_call(database, tenant_id="default")
    path = f"/calls/{call_id}/transcript"
    before = await shown(service, path)
    assert (len(before["items"]), before["deletion"]) == (1, None)
    first = await delete(service, path)
    again = await delete(service, path, reason="Once more")
    assert (first.status_code, again.json()) == (200, first.json())
    told = first.json()
    assert (told["call_id"], told["what"], told["by"]) == (call_id, "transcript", "bootstrap")
    assert told["reason"] == "GDPR 17"
    after = await shown(service, path)
    assert after["items"] == []
    assert after["deletion"]["deleted_at"] == told["deleted_at"] is not None
    call = await shown(service, f"/calls/{call_id}")
    assert call["retention"]["transcript"] == {"delete_after": None, "deletion": after["deletion"]}
    assert call["retention"]["recording"] == {"delete_after": None, "deletion": None}


async def test_a_recording_is_given_to_nobody_once_its_deletion_is_accepted(
    service: Service, database: Database
) -> None:
    call_id = await ended_call(database, tenant_id="default")
    path = f"/calls/{call_id}/recording"
    assert (await shown(service, path))["url"] is not None
    accepted = await delete(service, path)
    assert (accepted.status_code, accepted.json()["deleted_at"]) == (202, None)
    waiting = await shown(service, path)
    assert (waiting["status"], waiting["url"]) == ("ready", None)
    assert waiting["deletion"]["by"] == "bootstrap"
    async with database.session() as session:
        row = await Recordings(session).get(call_id)
        assert row is not None
        assert await Erasures(session).recording_is_gone(call_id, 1, row.updated_at)
    gone = await shown(service, path)
    assert (gone["status"], gone["detail"]) == ("deleted", "Deleted: GDPR 17")
    assert gone["sha256"] == "ab" * 32  # whoever has a copy can tell that it is one
    again = await delete(service, path)
    assert (again.status_code, again.json()["deleted_at"]) == (200, gone["deletion"]["deleted_at"])
    listed = await shown(service, "/calls?recording_status=deleted")
    assert [item["call_id"] for item in listed["items"]] == [call_id]


async def test_what_goes_on_is_not_deleted(service: Service, database: Database) -> None:
    call_id = await given_call(database, tenant_id="default")
    for what in Kept:
        assert_problem(await delete(service, f"/calls/{call_id}/{what}"), 409, "call-not-ended")
    await end(database, call_id)
    path = f"/calls/{call_id}/recording"
    assert_problem(await delete(service, path), 404, "recording-not-found")
    await record(database, call_id, RecordingStatus.FINALISING)
    assert_problem(await delete(service, path), 409, "recording-under-way")
    assert_problem(
        await delete(service, f"/calls/{new_call_id()}/recording"), 404, "call-not-found"
    )
    assert (await service.client.delete(path)).status_code == 422  # without a reason


async def test_a_legal_hold_is_shown_and_keeps_what_there_is(
    service: Service, database: Database
) -> None:
    call_id = await ended_call(database, tenant_id="default")
    path = f"/calls/{call_id}/legal_hold"
    await delete(service, f"/calls/{call_id}/transcript")
    placed = await service.client.put(path, json={"reason": "Case 117"})
    again = await service.client.put(path, json={"reason": "Another"})
    assert (placed.status_code, again.json()) == (200, placed.json())
    assert placed.json()["covers"] == ["recording"]
    hold = (await shown(service, f"/calls/{call_id}"))["legal_hold"]
    assert hold == {name: placed.json()[name] for name in ("placed_at", "by", "reason")}
    refused = await delete(service, f"/calls/{call_id}/recording")
    assert_problem(refused, 409, "legal-hold")
    assert "bootstrap: Case 117" in refused.json()["detail"]
    for _ in range(2):
        assert (await delete(service, path, reason="Settled")).status_code == 204
    assert (await shown(service, f"/calls/{call_id}"))["legal_hold"] is None
    lines = (await shown(service, f"/calls/{call_id}/timeline"))["items"]
    told = [(line["kind"], line["data"].get("requested_by")) for line in lines]
    assert told[-2:] == [("legal_hold_placed", "bootstrap"), ("legal_hold_lifted", "bootstrap")]


async def test_an_assistant_says_how_long_its_calls_are_kept(
    service: Service, database: Database
) -> None:
    changed = await service.client.patch(
        "/assistants/demo", json={"retention": {"recording_days": 90}}
    )
    assert changed.json()["retention"] == {"recording_days": 90, "transcript_days": None}
    call_id = await ended_call(database, tenant_id="default")
    call = await shown(service, f"/calls/{call_id}")
    assert call["retention"]["recording"]["delete_after"] == "2027-02-19T12:00:00Z"
    for wrong in (0, 36_501, 1.5, "x"):
        refused = await service.client.patch(
            "/assistants/demo", json={"retention": {"transcript_days": wrong}}
        )
        assert_problem(refused, 422, "invalid-request")
