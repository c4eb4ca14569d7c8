"""Calling telephones, on a real Temporal with a small real workflow in the call's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import call_id_for_key
from contract.phone import PhoneOrder
from contract.steps import WriteRecord
from store.calls import Calls
from store.idempotency import KeyState
from store.lines import Lines
from store.models import IdempotencyRow
from tests.api.outbound import FROM, TO, call, given_trunk, rows
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import place_of, started_workflows, worker

pytestmark = pytest.mark.stack

CALL = call_id_for_key("default", "order-17")
NOTHING_SETTLED = update(IdempotencyRow).values(state=KeyState.STARTED.value)


@pytest.fixture
async def calls_api(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> AsyncIterator[Service]:
    settings = settings_for(
        tmp_path,
        **place_of(temporal),
        database_url=database_url,
        bridge_task_queue="bridge-of-the-test",
        start_timeout_seconds=20.0,
    )
    async with serve(settings) as running:
        await given_trunk(running)
        yield running


@pytest.fixture
def client(temporal: WorkflowEnvironment) -> Client:
    return temporal.client


async def workflows(client: Client) -> int:
    return (await client.count_workflows()).count


async def test_a_call_is_accepted_without_anybody_there_to_make_it(
    calls_api: Service, client: Client
) -> None:
    answer = await call(
        calls_api,
        language="de-DE",
        record=False,
        queue_seconds=5,
        dtmf="1#",
        headers={"X-Campaign": "spring"},
        attributes={"crm.ticket": "A-17"},
        metadata={"order": "A-17"},
        max_duration_seconds=90,
    )
    assert answer.status_code == 202
    told = answer.json()
    call_id = told["call_id"]
    assert (told["room_name"], told["status"]) == (call_id, "queued")
    assert told["links"]["temporal"].endswith(f"/workflows/{call_id}")
    described = await client.get_workflow_handle(call_id).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert await described.static_summary() == "outbound · demo"
    assert TO not in str(described.raw_description)

    async with worker(client):
        asked: CallRequest = await client.get_workflow_handle(call_id).query(
            "request", result_type=CallRequest
        )
    assert (asked.direction, asked.provider) == (Direction.OUTBOUND, Provider.BRIDGE)
    assert (asked.human_identity, asked.language, asked.record) == ("phone", "de-DE", False)
    assert (asked.max_duration_seconds, asked.max_hold_seconds) == (90.0, 1800.0)
    assert asked.phone == PhoneOrder(
        trunk_id="mumbai",
        to_number=TO,
        from_number=FROM,
        ringing_timeout_seconds=25.0,
        queue_seconds=5.0,
        dtmf="1#",
        headers={"X-Campaign": "spring"},
        attributes={"crm.ticket": "A-17"},
        task_queue="bridge-of-the-test",
    )

    shown = (await calls_api.get(f"/calls/{call_id}")).json()
    assert (shown["status"], shown["direction"]) == ("queued", "outbound")
    assert (shown["trunk_id"], shown["to_number"], shown["from_number"]) == ("mumbai", TO, FROM)
    (listed,) = (await calls_api.get("/calls?direction=outbound")).json()["items"]
    assert (listed["call_id"], listed["trunk_id"]) == (call_id, "mumbai")
    assert TO not in str(listed)


async def test_what_a_call_leaves_open_its_assistant_and_trunk_decide(
    calls_api: Service, client: Client
) -> None:
    patient = {"max_hold_seconds": 60, "max_duration_seconds": 120, "language": "hi-IN"}
    await calls_api.client.patch("/assistants/demo", json=patient)
    call_id = (await call(calls_api)).json()["call_id"]
    async with worker(client):
        asked: CallRequest = await client.get_workflow_handle(call_id).query(
            "request", result_type=CallRequest
        )
    assert asked.phone is not None
    assert (asked.phone.ringing_timeout_seconds, asked.phone.queue_seconds) == (25.0, 60.0)
    assert (asked.max_duration_seconds, asked.max_hold_seconds) == (120.0, 60.0)
    assert (asked.language, asked.record) == ("hi-IN", True)


async def test_over_livekit_sip_the_workers_of_the_calls_dial_themselves(
    calls_api: Service, client: Client
) -> None:
    await given_trunk(calls_api, id="twilio", kind="livekit_sip", preset="twilio")
    call_id = (await call(calls_api, trunk_id="twilio")).json()["call_id"]
    async with worker(client):
        handle = client.get_workflow_handle(call_id)
        asked: CallRequest = await handle.query("request", result_type=CallRequest)
    assert asked.provider is Provider.LIVEKIT_SIP
    assert asked.phone is not None
    assert asked.phone.task_queue == f"{(await handle.describe()).task_queue}-sip"
    shown = (await calls_api.get(f"/calls/{call_id}")).json()
    assert (shown["provider"], shown["trunk_id"]) == ("livekit_sip", "twilio")


async def test_no_bad_request_starts_anything(calls_api: Service, client: Client) -> None:
    await given_trunk(calls_api, id="off", enabled=False)
    await given_trunk(calls_api, id="home", countries=["IN"])
    bad = [
        {"assistant_id": "nobody"},
        {"trunk_id": "nowhere"},
        {"trunk_id": "off"},
        {"trunk_id": "home", "to_number": "+12025550123"},
        {"from_number": "+12025550123"},
        {"to_number": "+19005550123"},
        {"to_number": "+911"},
        {"to_number": "0221234567"},
        {"dtmf": "1" * 65},
        {"headers": {"X-A": "x\r\nVia: y"}},
        {"attributes": {"sip.callID": "x"}},
        {"queue_seconds": 3601},
    ]
    answers = await asyncio.gather(
        *(call(calls_api, f"bad-{number}", **changes) for number, changes in enumerate(bad))
    )
    assert all(400 <= answer.status_code < 500 for answer in answers)
    assert (await workflows(client), await rows(calls_api)) == (0, [])


async def test_one_key_twenty_times_in_parallel_is_one_call(
    calls_api: Service, client: Client
) -> None:
    answers = await asyncio.gather(*(call(calls_api, "order-17") for _ in range(20)))
    late = await call(calls_api, "order-17")
    assert {answer.status_code for answer in answers} == {202}
    assert {str(answer.json()) for answer in [*answers, late]} == {str(late.json())}
    assert late.json()["call_id"] == CALL
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert late.headers["Idempotent-Replayed"] == "true"
    assert await started_workflows(client, {CALL}) == {CALL}
    assert len(await rows(calls_api)) == 1


async def test_a_key_stands_for_one_body_and_one_kind_of_call(
    calls_api: Service, client: Client
) -> None:
    await call(calls_api, "order-17")
    headers = {"Idempotency-Key": "order-17"}
    for other in (
        await call(calls_api, "order-17", to_number="+912212345679"),
        await calls_api.post("/web_call/get_token", {"assistant_id": "demo"}, headers=headers),
        await calls_api.post(f"/calls/{CALL}/hold", headers=headers),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_replay_gets_its_answer_whatever_became_of_call_and_trunk(
    calls_api: Service, client: Client
) -> None:
    first = await call(calls_api, "order-17")
    async with worker(client):
        await calls_api.post(f"/calls/{CALL}/hangup")
        await client.get_workflow_handle(CALL).result()
    over = CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, "It is over.")
    async with calls_api.parts.database.session() as session:
        await Calls(session).write(WriteRecord(call_id=CALL, status=CallStatus.ENDED, ending=over))
    await calls_api.client.patch("/trunks/mumbai", json={"enabled": False})
    again = await call(calls_api, "order-17")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(await rows(calls_api)) == 1


async def test_a_call_that_went_its_way_before_its_answer_got_out_is_not_made_again(
    calls_api: Service, client: Client
) -> None:
    """Its API died between the start and the note of it; the call itself was made, and is over."""
    await call(calls_api, "order-17")
    async with calls_api.parts.database.session() as session:
        await session.execute(NOTHING_SETTLED)
        await Lines(session).take(CALL, "default", "mumbai", datetime.now(UTC))
        busy = CallEnding(EndedReason.BUSY, EndedBy.CALLEE, "Busy.")
        await Calls(session).write(WriteRecord(call_id=CALL, status=CallStatus.ENDED, ending=busy))
    again = await call(calls_api, "order-17")
    assert (again.status_code, again.json()["call_id"]) == (202, CALL)
    assert await workflows(client) == 1


async def test_a_call_that_never_began_and_was_closed_gives_its_key_free(
    calls_api: Service, client: Client
) -> None:
    """Its API died before the start; the room watch has closed its row."""
    await call(calls_api, "order-17")
    async with calls_api.parts.database.session() as session:
        await session.execute(NOTHING_SETTLED)
        gone = CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, "The call's workflow is gone.")
        await Calls(session).write(WriteRecord(call_id=CALL, status=CallStatus.ENDED, ending=gone))
    again = await call(calls_api, "order-17")
    assert again.json()["call_id"] == call_id_for_key("default", "order-17", 2)
    assert "Idempotent-Replayed" not in again.headers
