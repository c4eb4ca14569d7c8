"""Starting calls, on a real Temporal with a small real workflow in the call's place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from contract.identity import call_id_for_key
from tests.api.call_workflow import BROKEN_ASSISTANT
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import place_of, started_workflows, worker

pytestmark = pytest.mark.stack

BODY = {"assistant_id": "demo", "participant_name": "Ada", "metadata": {"order": "A-17"}}


@pytest.fixture
async def calls_api(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> AsyncIterator[Service]:
    settings = settings_for(
        tmp_path,
        **place_of(temporal),
        database_url=database_url,
    )
    async with serve(settings) as running:
        yield running


@pytest.fixture
def temporal_client(temporal: WorkflowEnvironment) -> Client:
    return temporal.client


async def test_a_web_call_is_started_and_its_token_opens_only_its_room(
    calls_api: Service, temporal_client: Client
) -> None:
    async with worker(temporal_client):
        answer = await calls_api.post("/web_call/get_token", BODY)
    assert answer.status_code == 200
    body = answer.json()
    call_id = body["call_id"]
    assert (body["room_name"], body["participant_identity"]) == (call_id, "caller")
    assert body["url"] == "ws://livekit.test"
    of_this_test = temporal_client.namespace
    assert body["links"]["temporal"].endswith(f"/namespaces/{of_this_test}/workflows/{call_id}")
    claims = jwt.decode(body["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["video"]["room"]) == ("caller", call_id)
    assert not claims["video"].get("canUpdateOwnMetadata")
    assert claims["exp"] - time.time() < 11 * 60
    described = await temporal_client.get_workflow_handle(call_id).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert await described.static_summary() == "web · demo"
    shown = (await calls_api.get(f"/calls/{call_id}")).json()
    assert (shown["status"], shown["metadata"]) == ("queued", {"order": "A-17"})


async def test_one_key_twenty_times_in_parallel_is_one_workflow(
    calls_api: Service, temporal_client: Client
) -> None:
    headers = {"Idempotency-Key": "one-order"}
    async with worker(temporal_client):
        answers = await asyncio.gather(
            *(calls_api.post("/web_call/get_token", BODY, headers=headers) for _ in range(20))
        )
        late = await calls_api.post("/web_call/get_token", BODY, headers=headers)
    assert {answer.status_code for answer in answers} == {200}
    call_ids = {answer.json()["call_id"] for answer in [*answers, late]}
    assert call_ids == {call_id_for_key("default", "one-order")}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert late.headers["Idempotent-Replayed"] == "true"
    assert await started_workflows(temporal_client, call_ids) == call_ids
    assert len((await calls_api.get("/calls")).json()["items"]) == 1


async def test_a_replay_needs_no_worker_once_the_call_was_started(
    calls_api: Service, temporal_client: Client
) -> None:
    headers = {"Idempotency-Key": "again"}
    body = BODY | {"metadata": {"order": "A-17", "shop": "B"}}
    same = BODY | {"metadata": {"shop": "B", "order": "A-17"}}  # to JSON, order is nothing
    async with worker(temporal_client):
        first = await calls_api.post("/web_call/get_token", body, headers=headers)
    again = await calls_api.post("/web_call/get_token", same, headers=headers)
    assert again.status_code == 200
    assert again.json()["call_id"] == first.json()["call_id"]


async def test_a_key_with_another_body_is_refused(
    calls_api: Service, temporal_client: Client
) -> None:
    headers = {"Idempotency-Key": "two-orders"}
    async with worker(temporal_client):
        await calls_api.post("/web_call/get_token", BODY, headers=headers)
        other = await calls_api.post(
            "/web_call/get_token", BODY | {"record": False}, headers=headers
        )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_without_a_worker_the_answer_is_503_and_the_call_is_withdrawn(
    calls_api: Service, temporal_client: Client
) -> None:
    headers = {"Idempotency-Key": "nobody-home"}
    began = time.monotonic()
    answer = await calls_api.post("/web_call/get_token", BODY, headers=headers)
    assert time.monotonic() - began < 15
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    withdrawn = call_id_for_key("default", "nobody-home", 1)
    async with worker(temporal_client):
        handle = temporal_client.get_workflow_handle(withdrawn)
        assert await asyncio.wait_for(handle.result(), 10) == "over"
        facts = await handle.query("facts")
        again = await calls_api.post("/web_call/get_token", BODY, headers=headers)
    assert [fact["kind"] for fact in facts] == ["cancel_requested"]
    # The withdrawn call's row stays for its workflow to end; the key starts another call.
    assert (await calls_api.get(f"/calls/{withdrawn}")).status_code == 200
    assert again.status_code == 200
    assert again.json()["call_id"] == call_id_for_key("default", "nobody-home", 2)
    assert "Idempotent-Replayed" not in again.headers


async def test_a_room_that_cannot_be_opened_is_503_and_releases_the_key(
    calls_api: Service, temporal_client: Client
) -> None:
    assistant = {"id": BROKEN_ASSISTANT, "name": "Nobody"}
    await calls_api.post("/assistants", assistant)
    body, headers = {"assistant_id": BROKEN_ASSISTANT}, {"Idempotency-Key": "no-room"}
    async with worker(temporal_client):
        first = await calls_api.post("/web_call/get_token", body, headers=headers)
        second = await calls_api.post("/web_call/get_token", body, headers=headers)
    assert [first.status_code, second.status_code] == [503, 503]
    found = await calls_api.get("/calls", params={"assistant_id": BROKEN_ASSISTANT})
    assert {call["call_id"] for call in found.json()["items"]} == {
        call_id_for_key("default", "no-room", attempt) for attempt in (1, 2)
    }


async def test_temporal_back_after_an_unknown_start_leaves_no_call(
    calls_api: Service, temporal_client: Client
) -> None:
    """The background message finds no workflow and stops: nothing is brought back."""
    assert (
        await calls_api.parts.workflows.withdraw(
            "call_never", calls_api.parts.settings.start_timeout
        )
        is False
    )


async def test_an_operator_hangs_up_once(calls_api: Service, temporal_client: Client) -> None:
    headers = {"Idempotency-Key": "hang-up-1"}
    async with worker(temporal_client):
        call_id = (await calls_api.post("/web_call/get_token", BODY)).json()["call_id"]
        path = f"/calls/{call_id}/hangup"
        first = await calls_api.post(path, {"reason": "closing time"}, headers=headers)
        await temporal_client.get_workflow_handle(call_id).result()
        repeated = await calls_api.post(path, {"reason": "closing time"}, headers=headers)
        other = await calls_api.post(path, {"reason": "boredom"}, headers=headers)
        late = await calls_api.post(path)
        free = [
            await calls_api.post(path, {"reason": reason}, headers={"Idempotency-Key": "too-late"})
            for reason in ("closing time", "boredom")
        ]
    assert first.status_code == 200
    assert first.json()["ended_by"] == "operator"
    assert repeated.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (late.status_code, late.json()["code"]) == (409, "call-ended")
    # Refused, so the key stays free, for whatever body.
    assert [answer.json()["code"] for answer in free] == ["call-ended", "call-ended"]


async def test_hanging_up_without_a_worker_is_503(
    calls_api: Service, temporal_client: Client
) -> None:
    async with worker(temporal_client):
        call_id = (await calls_api.post("/web_call/get_token", BODY)).json()["call_id"]
    answer = await calls_api.post(f"/calls/{call_id}/hangup")
    assert answer.status_code == 503


async def test_payloads_are_encrypted_and_the_codec_reads_them(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> None:
    settings = settings_for(
        tmp_path,
        **place_of(temporal),
        database_url=database_url,
        payload_encryption=True,
        payload_keys="test:" + "A" * 43 + "=",
        start_timeout_seconds=1.0,
    )
    async with serve(settings) as secured:
        await secured.post("/web_call/get_token", BODY, headers={"Idempotency-Key": "sealed"})
        handle = temporal.client.get_workflow_handle(call_id_for_key("default", "sealed"))
        started = (await handle.fetch_history()).events[0]
        payload = started.workflow_execution_started_event_attributes.input.payloads[0]
        assert b"demo" not in payload.data
        from google.protobuf.json_format import MessageToDict

        body = {"payloads": [MessageToDict(payload)]}
        decoded = await secured.post("/codec/decode", body)
        encoded_again = await secured.post("/codec/encode", decoded.json())
        unasked = await secured.post("/codec/decode", body, headers={"Authorization": ""})
    assert decoded.json()["payloads"][0]["metadata"]["encoding"] == "anNvbi9wbGFpbg=="
    assert encoded_again.json()["payloads"][0]["metadata"]["encoding"] == "YmluYXJ5L2VuY3J5cHRlZA=="
    assert unasked.status_code == 401
