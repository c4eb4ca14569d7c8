"""Webhooks that reach calls, on a real Temporal with a small real workflow in the call's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from livekit.protocol.egress import EgressInfo, EgressStatus, FileInfo
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.webhook import WebhookEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from contract.calls import CallStatus, RecordingStatus
from contract.identity import new_call_id, recording_workflow_id
from contract.recordings import EgressSeen
from contract.retention import Kept
from contract.steps import WriteRecord, WriteRecording
from store.calls import Calls
from store.erasures import Erasures
from store.recordings import Recordings
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import eventually, place_of, worker
from tests.api.webhooks import deliver, event
from tests.ended_calls import ended_call

pytestmark = pytest.mark.stack

SIP = ParticipantInfo.Kind.SIP
AGENT = ParticipantInfo.Kind.AGENT
LOBBY = "lobby-1"


@pytest.fixture
async def calls_api(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path, **place_of(temporal), database_url=database_url)
    async with serve(settings) as running:
        yield running


@pytest.fixture
async def client(temporal: WorkflowEnvironment) -> AsyncIterator[Client]:
    async with worker(temporal.client):
        yield temporal.client


async def open_call(service: Service, room: str = LOBBY) -> Any:
    async with service.parts.database.reader() as session:
        return await Calls(session).open_call_in_room(room)


async def ended(service: Service, call_id: str) -> None:
    async with service.parts.database.session() as session:
        record = WriteRecord(call_id=call_id, status=CallStatus.ENDED, ended_at=datetime.now(UTC))
        await Calls(session).write(record)


async def facts(client: Client, call_id: str) -> list[dict[str, Any]]:
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(call_id)
    told: list[dict[str, Any]] = await handle.query("facts")
    return told


async def test_somebody_who_joins_a_room_of_ours_starts_a_call(
    calls_api: Service, client: Client
) -> None:
    answer = await deliver(calls_api, event("participant_joined", LOBBY, identity="ada"))
    assert answer.status_code == 200
    call = await open_call(calls_api)
    request = await client.get_workflow_handle(call.call_id).query("request")
    assert request["adopted"] is True
    assert request["assistant_id"] is None
    assert (request["room_name"], request["human_identity"]) == (LOBBY, "ada")
    (fact,) = await facts(client, call.call_id)
    assert (fact["id"], fact["kind"]) == ("EV_1", "participant_joined")
    assert fact["data"]["participant_kind"] == "standard"


async def test_a_phone_that_joins_a_room_with_our_metadata_is_an_inbound_call(
    calls_api: Service, client: Client
) -> None:
    joined = event(
        "participant_joined", "trunk-room", identity="sip_+4912345", kind=SIP, metadata="demo"
    )
    await deliver(calls_api, joined)
    call = await open_call(calls_api, "trunk-room")
    request = await client.get_workflow_handle(call.call_id).query("request")
    assert (request["direction"], request["provider"]) == ("inbound", "livekit_sip")


async def test_many_webhooks_of_one_join_make_one_call(calls_api: Service, client: Client) -> None:
    answers = await asyncio.gather(
        *(
            deliver(
                calls_api,
                event("participant_joined", LOBBY, identity=f"human-{n % 3}", event_id=f"EV_{n}"),
            )
            for n in range(12)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    call = await open_call(calls_api)
    assert len(await facts(client, call.call_id)) == 12
    async with calls_api.parts.database.reader() as session:
        assert len(await Calls(session).open_calls()) == 1


async def test_a_late_event_starts_no_ghost(calls_api: Service, client: Client) -> None:
    joined = event("participant_joined", LOBBY)
    await deliver(calls_api, joined)
    call = await open_call(calls_api)
    await deliver(calls_api, event("room_finished", LOBBY, event_id="EV_2"))
    await client.get_workflow_handle(call.call_id).result()
    # Between the workflow's end and the row's, and after both.
    assert (await deliver(calls_api, joined)).status_code == 200
    await ended(calls_api, call.call_id)
    assert (await deliver(calls_api, joined)).status_code == 200
    assert (await deliver(calls_api, event("participant_left", LOBBY))).status_code == 200
    assert await open_call(calls_api) is None
    assert len(await facts(client, call.call_id)) == 2


async def test_a_room_name_that_is_used_again_is_another_call(
    calls_api: Service, client: Client
) -> None:
    await deliver(calls_api, event("participant_joined", LOBBY, room_sid="RM_1"))
    first = await open_call(calls_api)
    await ended(calls_api, first.call_id)
    await deliver(calls_api, event("participant_joined", LOBBY, room_sid="RM_2"))
    second = await open_call(calls_api)
    assert second.call_id != first.call_id


async def test_our_agents_and_humans_are_told_and_recorders_are_not(
    calls_api: Service, client: Client
) -> None:
    call_id = (await calls_api.post("/web_call/get_token", {"assistant_id": "demo"})).json()[
        "call_id"
    ]
    for number, (identity, kind) in enumerate(
        [
            ("caller", ParticipantInfo.Kind.STANDARD),
            ("atlas-1", AGENT),
            ("somebody-elses-agent", AGENT),
            ("EG_x", ParticipantInfo.Kind.EGRESS),
        ]
    ):
        told = event(
            "participant_joined", call_id, identity=identity, kind=kind, event_id=f"EV_{number}"
        )
        assert (await deliver(calls_api, told)).status_code == 200
    assert [fact["data"]["identity"] for fact in await facts(client, call_id)] == [
        "caller",
        "atlas-1",
    ]


async def test_egress_events_reach_the_recording_by_room_or_by_egress_id(
    calls_api: Service, client: Client
) -> None:
    call_id = new_call_id()
    await calls_api.given_call(call_id, room_name=LOBBY)
    async with calls_api.parts.database.session() as session:
        await Recordings(session).write(
            WriteRecording(
                call_id=call_id, status=RecordingStatus.RECORDING, attempts=1, egress_id="EG_1"
            )
        )
    recording = await client.start_workflow(
        "RecordingWorkflow", id=recording_workflow_id(call_id), task_queue="calls"
    )
    await ended(calls_api, call_id)
    info = EgressInfo(
        egress_id="EG_1",
        room_name=LOBBY,
        status=EgressStatus.EGRESS_COMPLETE,
        started_at=1_790_000_000_000_000_000,
        ended_at=1_790_000_012_000_000_000,
        details="End reason: Source closed",
        file_results=[
            FileInfo(
                filename="a/b.ogg",
                started_at=1_790_000_001_000_000_000,
                ended_at=1_790_000_011_000_000_000,
                duration=12_000_000_000,
                size=4711,
            )
        ],
    )
    told = WebhookEvent(event="egress_ended", id="EV_E", created_at=1, egress_info=info)
    assert (await deliver(calls_api, told)).status_code == 200
    (raw,) = await recording.query("seen")
    seen = EgressSeen.from_dict(raw)
    assert (seen.status, seen.object_key, seen.duration_seconds, seen.size_bytes) == (
        "complete",
        "a/b.ogg",
        12.0,
        4711,
    )
    # The file's: the egress itself has ended only once that is uploaded.
    assert (seen.started_at, seen.ended_at) == (
        datetime.fromtimestamp(1_790_000_001, UTC),
        datetime.fromtimestamp(1_790_000_011, UTC),
    )
    assert seen.details == "End reason: Source closed"
    # A call that has no recording workflow (any more): late, not wrong.
    await recording.terminate()
    assert (await deliver(calls_api, told)).status_code == 200


async def test_egress_that_uploads_after_the_deletion_has_it_deleted_again(
    calls_api: Service, client: Client
) -> None:
    """Nobody carries the recording on any more, so nobody else would ever look."""
    database = calls_api.parts.database
    call_id = await ended_call(database, tenant_id="default")
    async with database.session() as session:
        asked = await Erasures(session).ask(call_id, Kept.RECORDING, "desk", "GDPR 17")
        row = await Recordings(session).get(call_id)
        assert row is not None
        assert await Erasures(session).recording_is_gone(call_id, 1, row.updated_at)
    info = EgressInfo(
        egress_id="EG_1", room_name=call_id, status=EgressStatus.EGRESS_COMPLETE, ended_at=1
    )
    told = WebhookEvent(event="egress_ended", id="EV_E", created_at=1, egress_info=info)
    assert (await deliver(calls_api, told)).status_code == 200
    async with database.reader() as session:
        (due,) = await Erasures(session).due(asked.due_at, None, 10)
    assert (due.call_id, due.what) == (call_id, Kept.RECORDING)


async def test_a_room_that_is_not_ours_is_left_alone_and_counted(
    calls_api: Service, client: Client
) -> None:
    def ignored(metrics: str) -> float:
        lines = [
            line
            for line in metrics.splitlines()
            if line.startswith(
                'livekit_webhooks_total{event="participant_joined",outcome="ignored"}'
            )
        ]
        return float(lines[0].split()[-1]) if lines else 0.0

    before = ignored((await calls_api.get("/metrics")).text)
    answer = await deliver(calls_api, event("participant_joined", "somebody-elses-room"))
    foreign_id = await deliver(calls_api, event("participant_joined", new_call_id()))
    assert (answer.status_code, foreign_id.status_code) == (200, 200)
    assert ignored((await calls_api.get("/metrics")).text) == before + 2
    async with calls_api.parts.database.reader() as session:
        assert await Calls(session).open_calls() == []


async def test_a_room_reopened_with_an_old_token_is_closed(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> None:
    deleted: list[bytes] = []

    async def delete_room(request: web.Request) -> web.Response:
        deleted.append(await request.read())
        return web.Response(body=b"", content_type="application/protobuf")

    livekit = web.Application()
    livekit.router.add_post("/twirp/livekit.RoomService/DeleteRoom", delete_room)
    runner = web.AppRunner(livekit)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    settings = settings_for(
        tmp_path,
        **place_of(temporal),
        database_url=database_url,
        livekit_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
    )
    async with serve(settings) as calls_api:
        call_id = new_call_id()
        await calls_api.given_call(call_id)
        await ended(calls_api, call_id)
        assert (await deliver(calls_api, event("participant_joined", call_id))).status_code == 200

        async def is_deleted() -> bool:
            return len(deleted) == 1

        await eventually(is_deleted)
        assert call_id.encode() in deleted[0]
    await runner.cleanup()
