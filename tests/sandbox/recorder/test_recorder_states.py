"""States, webhooks and answers, compared with what real Egress v1.14.0 was seen to send."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from livekit import api

from tests.sandbox.recorder.bench import Bench

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

Status = api.EgressStatus
FILE = "file"


def ended(info: api.EgressInfo) -> bool:
    return info.status >= Status.EGRESS_COMPLETE


def active(info: api.EgressInfo) -> bool:
    return info.status == Status.EGRESS_ACTIVE


def expected(room: str, bench: Bench, **changes: Any) -> dict[str, Any]:
    """The observed egressInfo, without what differs from one recording to the next."""
    upload = {
        "accessKey": "{access_key}",
        "secret": "{secret}",
        "region": "us-east-1",
        "endpoint": bench.s3_endpoint,
        "bucket": bench.bucket,
        "forcePathStyle": True,
    }
    output = {"fileType": "OGG", "filepath": "tests/{room_name}.ogg", "s3": upload}
    return {
        "roomName": room,
        "sourceType": "EGRESS_SOURCE_TYPE_SDK",
        "roomComposite": {"roomName": room, "audioOnly": True, "fileOutputs": [output]},
    } | changes


def comparable(body: dict[str, Any]) -> tuple[str, dict[str, Any], set[str], set[str]]:
    """Event, constant fields, and the names of the changing ones, of egress and of file."""
    info = dict(body["egressInfo"])
    file = info.pop("file")
    assert info.pop("fileResults") == [file]
    changing = {"egressId", "roomId", "startedAt", "updatedAt", "endedAt", "manifestLocation"}
    names = {name for name in info if name in changing}
    return body["event"], {k: v for k, v in info.items() if k not in changing}, names, set(file)


async def test_a_recording_sends_what_real_egress_sends(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        await caller.publish()
        asked = time.monotonic()
        started = await bench.start(room)
        assert 0.5 <= time.monotonic() - asked < 5  # not at once, as the real one
        assert started.status == Status.EGRESS_STARTING
        egress_id = started.egress_id
        await bench.until(egress_id, active)
        await asyncio.sleep(1)
        answer = await bench.stop(egress_id)
        assert answer.status == Status.EGRESS_ENDING
        await bench.until(egress_id, ended)
    bodies = await bench.events(egress_id, 4)
    always, file = {"egressId", "roomId", "startedAt", "updatedAt"}, {"filename"}
    ending = {"details": "End reason: StopEgress API"}
    done = file | {"startedAt", "endedAt", "duration", "size", "location"}
    assert [comparable(body) for body in bodies] == [
        ("egress_started", expected(room, bench), always, file),
        (
            "egress_updated",
            expected(room, bench, status="EGRESS_ACTIVE"),
            always,
            file | {"startedAt"},
        ),
        (
            "egress_updated",
            expected(room, bench, status="EGRESS_ENDING", **ending),
            always,
            file | {"startedAt"},
        ),
        (
            "egress_ended",
            expected(room, bench, status="EGRESS_COMPLETE", **ending),
            always | {"endedAt", "manifestLocation"},
            done,
        ),
    ]
    await check_the_values(bench, room, bodies)


async def check_the_values(bench: Bench, room: str, bodies: list[dict[str, Any]]) -> None:
    infos = [body["egressInfo"] for body in bodies]
    assert infos[0]["startedAt"] != infos[1]["startedAt"] == infos[3]["startedAt"]
    last, file, key = infos[3], infos[3][FILE], f"tests/{room}.ogg"
    assert int(file["endedAt"]) - int(file["startedAt"]) == int(file["duration"])
    stored = await bench.object(key)
    assert int(file["size"]) == len(stored)
    https = bench.s3_endpoint.replace("http://", "https://")
    assert file["location"] == f"{https}/{bench.bucket}/{key}"
    manifest_key = f"tests/{last['egressId']}.json"
    assert last["manifestLocation"] == f"{https}/{bench.bucket}/{manifest_key}"
    assert json.loads(await bench.object(manifest_key)) == {
        "egress_id": last["egressId"],
        "room_id": last["roomId"],
        "room_name": room,
        "started_at": int(last["startedAt"]),
        "ended_at": int(file["endedAt"]),
        "files": [{"filename": key, "location": file["location"]}],
    }
    assert all(body["id"].startswith("EV_") for body in bodies)
    assert int(bodies[3]["createdAt"]) == pytest.approx(time.time(), abs=60)
    delivery = next(one for one in bench.receiver.deliveries if one.body == bodies[3])
    assert delivery.headers["Content-Type"] == "application/webhook+json"
    assert not delivery.headers["Authorization"].startswith("Bearer")
    assert bench.s3_keys[1] not in delivery.raw
    assert not list(bench.stack.run_dir.rglob(f"{last['egressId']}.ogg"))  # what is stored goes


async def test_the_room_is_deleted(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        await caller.publish()
        egress = await bench.start(room)
        await bench.until(egress.egress_id, active)
        await bench.livekit.room.delete_room(api.DeleteRoomRequest(room=room))
        info = await bench.until(egress.egress_id, ended)
    assert info.status == Status.EGRESS_COMPLETE
    assert info.details == "End reason: Source closed"
    bodies = await bench.events(egress.egress_id, 4)
    assert [body["egressInfo"].get("status") for body in bodies] == [
        None,
        "EGRESS_ACTIVE",
        "EGRESS_ENDING",
        "EGRESS_COMPLETE",
    ]


async def test_stopped_at_once(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        await caller.publish()
        # Before the answer to the start: what is ready a moment after it may be so by then.
        starting = asyncio.create_task(bench.start(room))
        egress_id = await bench.begun(room)
        answer = await bench.stop(egress_id)
        assert (await starting).egress_id == egress_id
    assert (answer.status, answer.error_code) == (Status.EGRESS_ABORTED, 412)
    assert answer.error == "Stop called before pipeline could start"
    stored = await bench.look(egress_id)
    assert (stored.status, stored.error_code) == (Status.EGRESS_ABORTED, 412)
    assert stored.error == "Start signal not received"
    bodies = await bench.events(egress_id, 2)
    assert [body["event"] for body in bodies] == ["egress_started", "egress_ended"]
    assert bodies[1]["egressInfo"]["error"] == "Start signal not received"


async def test_nobody_publishes_audio(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller"):
        egress = await bench.start(room)
        await asyncio.sleep(1.2)
        assert (await bench.look(egress.egress_id)).status == Status.EGRESS_STARTING
        answer = await bench.stop(egress.egress_id)
    assert (answer.status, answer.error_code) == (Status.EGRESS_ABORTED, 412)
    assert answer.error == "Start signal not received"
    assert len(await bench.events(egress.egress_id, 2)) == 2


async def test_the_room_does_not_exist(bench: Bench) -> None:
    before = len(bench.receiver.deliveries)
    with pytest.raises(api.ServerError) as refused:
        await bench.start("no-such-room")
    assert (refused.value.code, refused.value.status) == ("not_found", 404)
    assert refused.value.message == "twirp error unknown: requested room does not exist"
    answer = await bench.egress.list_egress(api.ListEgressRequest(room_name="no-such-room"))
    assert not answer.items
    assert len(bench.receiver.deliveries) == before


async def test_stopping_what_cannot_be_stopped(bench: Bench) -> None:
    room = await bench.room()
    egress = await bench.start(room)
    await bench.stop(egress.egress_id)
    asked = time.monotonic()
    answers = await asyncio.gather(
        bench.stop(egress.egress_id), bench.stop("EG_unknown"), return_exceptions=True
    )
    assert 3.0 <= time.monotonic() - asked < 5.5  # both at once, not one after the other
    again, unknown = answers
    assert isinstance(again, api.ServerError)
    assert (again.code, again.status) == ("failed_precondition", 412)
    assert again.message == "egress with status EGRESS_ABORTED cannot be stopped"
    assert isinstance(unknown, api.ServerError)
    assert (unknown.code, unknown.status) == ("not_found", 404)
    assert unknown.message == "twirp error unknown: egress does not exist"


async def test_listing_filters(bench: Bench) -> None:
    room = await bench.room()
    first = await bench.start(room)
    await bench.stop(first.egress_id)
    second = await bench.start(room)
    every = await bench.egress.list_egress(api.ListEgressRequest(room_name=room))
    running = await bench.egress.list_egress(api.ListEgressRequest(room_name=room, active=True))
    assert {info.egress_id for info in every.items} == {first.egress_id, second.egress_id}
    assert [info.egress_id for info in running.items] == [second.egress_id]
    await bench.stop(second.egress_id)


async def test_json_bodies_and_tokens(bench: Bench) -> None:
    url = f"{bench.recorder_url}/twirp/livekit.Egress/ListEgress"
    grants = {"good": api.VideoGrants(room_record=True), "bad": api.VideoGrants(room_list=True)}
    tokens = {
        name: api.AccessToken(*bench.livekit_keys).with_grants(grant).to_jwt()
        for name, grant in grants.items()
    }

    async def ask(token: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"}
        async with bench.http.post(url, json={"room_name": "x"}, headers=headers) as answer:
            return answer.status, await answer.text()

    status, text = await ask(tokens["good"])
    assert (status, json.loads(text)["items"]) == (200, [])
    status, text = await ask(tokens["bad"])
    assert (status, json.loads(text)["code"]) == (401, "unauthenticated")
    foreign = api.AccessToken(bench.livekit_keys[0], "x" * 32).with_grants(grants["good"])
    assert (await ask(foreign.to_jwt()))[0] == 401
    async with bench.http.post(url, json={}) as answer:
        assert answer.status == 401
    headers = {"Authorization": f"Bearer {tokens['good']}", "Content-Type": "application/json"}
    async with bench.http.post(url, data=b"{", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "malformed")
    headers = headers | {"Content-Type": "text/plain"}
    async with bench.http.post(url, data=b"{}", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "bad_route")
