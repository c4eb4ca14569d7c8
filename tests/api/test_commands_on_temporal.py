"""Hold, resume, keys and transfer: each is one update of the call's workflow, and answered so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from api.settings import ApiSettings
from contract.identity import new_call_id
from tests.api.outbound import call, given_trunk
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import place_of, worker
from tests.api.test_problems_and_keys import assert_problem

pytestmark = pytest.mark.stack

TARGET = {"to": "+912212345678"}
CLIP = {"asset_url": "https://assets.example/clip.mp3", "loop": True}


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
        await given_trunk(running, countries=["IN"])
        yield running


@pytest.fixture
async def call_id(calls_api: Service) -> str:
    started: str = (await call(calls_api)).json()["call_id"]
    return started


async def tell(
    service: Service, call_id: str, what: str, body: Any = None, key: str | None = None
) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return await service.post(f"/calls/{call_id}/{what}", body, headers=headers)


async def test_a_call_is_held_and_resumed(calls_api: Service, call_id: str) -> None:
    held = await tell(calls_api, call_id, "hold", {"reason": "looking it up"})
    resumed = await tell(calls_api, call_id, "resume")
    assert (held.status_code, held.json()["holders"]) == (200, ["operator"])
    assert held.json()["links"]["self"].endswith(call_id)
    assert (resumed.status_code, resumed.json()["holders"]) == (200, [])
    assert_problem(await tell(calls_api, call_id, "resume"), 409, "call-not-held")
    early = await tell(calls_api, call_id, "hold", {"reason": "too early"})
    assert_problem(early, 409, "call-not-answered")
    assert "Not to be shown" not in early.text


async def test_the_language_of_a_transcribed_call_is_changed(
    calls_api: Service, call_id: str
) -> None:
    untranscribed = await tell(calls_api, call_id, "language", {"language": "de"})
    assert_problem(untranscribed, 409, "call-not-transcribed")
    await calls_api.client.patch("/assistants/demo", json={"transcribe": True})
    transcribed = (await call(calls_api)).json()["call_id"]
    changed = await tell(calls_api, transcribed, "language", {"language": "de-AT"}, "speak-1")
    again = await tell(calls_api, transcribed, "language", {"language": "de-AT"}, "speak-1")
    assert (changed.status_code, changed.json()["language"]) == (200, "de-AT")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (changed.json(), "true")
    malformed = await tell(calls_api, transcribed, "language", {"language": "German, please"})
    assert_problem(malformed, 422, "invalid-request")


async def test_an_assistants_hold_is_its_own(calls_api: Service, call_id: str) -> None:
    await tell(calls_api, call_id, "hold")
    other = await tell(calls_api, call_id, "resume", {"holder": "assistant"})
    assert_problem(other, 409, "call-not-held")
    far_side = await tell(calls_api, call_id, "resume", {"holder": "remote"})
    assert_problem(far_side, 422, "invalid-request")


async def test_a_clip_is_played_once_per_key_and_stopped(
    calls_api: Service, call_id: str, client: Client
) -> None:
    first = await tell(calls_api, call_id, "play", CLIP, "clip-1")
    again = await tell(calls_api, call_id, "play", CLIP, "clip-1")
    assert (first.status_code, first.json()["command_id"]) == (200, "media-1")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    call_ = client.get_workflow_handle(call_id)
    [played] = await call_.query("played")
    assert (played["asset_url"], played["loop"]) == (CLIP["asset_url"], True)
    for _ in range(2):
        assert (await tell(calls_api, call_id, "play/stop", None, "stop-1")).status_code == 200
    assert await call_.query("played") == []


async def test_a_clip_is_refused_with_its_reason(calls_api: Service, call_id: str) -> None:
    replaced = {"asset_url": "https://assets.example/slow.mp3"}
    assert_problem(await tell(calls_api, call_id, "play", replaced), 409, "clip-replaced")
    await tell(calls_api, call_id, "hold")
    refused = await tell(calls_api, call_id, "play", CLIP)
    assert_problem(refused, 409, "call-on-hold")
    assert "hold music" in refused.json()["detail"]


@pytest.mark.parametrize(
    "asset_url",
    [
        "",
        "clip.mp3",
        "ftp://assets.example/clip.mp3",
        "https:///clip.mp3",
        "https://user:secret@assets.example/clip.mp3",
        "https://assets.example:99999/clip.mp3",
        "https://assets.example/a b.mp3",
        "https://assets.example/" + "a" * 2048,
    ],
    ids=["empty", "no-host", "ftp", "empty-host", "password", "port", "space", "long"],
)
async def test_what_is_no_address_of_a_clip(
    calls_api: Service, call_id: str, asset_url: str
) -> None:
    refused = await tell(calls_api, call_id, "play", {"asset_url": asset_url})
    assert_problem(refused, 422, "invalid-request")
    assert "secret" not in refused.text


async def test_a_repeat_presses_no_key_twice(
    calls_api: Service, call_id: str, client: Client
) -> None:
    answers = await asyncio.gather(
        *(tell(calls_api, call_id, "dtmf", {"digits": "12w3"}, "keys-1") for _ in range(10))
    )
    late = await tell(calls_api, call_id, "dtmf", {"digits": "12w3"}, "keys-1")
    other = await tell(calls_api, call_id, "dtmf", {"digits": "4"}, "keys-1")
    elsewhere = await tell(calls_api, call_id, "hold", None, "keys-1")
    assert {answer.status_code for answer in [*answers, late]} == {200}
    assert late.json()["keys"] == 3
    assert late.headers["Idempotent-Replayed"] == "true"
    assert_problem(other, 422, "idempotency-key-reused")
    assert_problem(elsewhere, 422, "idempotency-key-reused")
    assert await client.get_workflow_handle(call_id).query("pressed") == ["12w3"]


async def test_without_a_key_each_request_is_one_of_its_own(
    calls_api: Service, call_id: str, client: Client
) -> None:
    for _ in range(2):
        assert (await tell(calls_api, call_id, "dtmf", {"digits": "1"})).status_code == 200
    assert await client.get_workflow_handle(call_id).query("pressed") == ["1", "1"]


async def test_a_call_is_handed_on(calls_api: Service, call_id: str) -> None:
    handed_on = await tell(calls_api, call_id, "transfer", TARGET, "on")
    assert (handed_on.status_code, handed_on.json()["sip_status"]) == (200, 200)
    again = await tell(calls_api, call_id, "transfer", TARGET, "on")
    assert (again.status_code, again.json()) == (200, handed_on.json())


async def test_a_refused_transfer_says_why_and_frees_its_key(
    calls_api: Service, call_id: str
) -> None:
    refused = await tell(calls_api, call_id, "transfer", {"to": "+912212345679"}, "on")
    assert_problem(refused, 409, "transfer-refused")
    assert "answered 403 Forbidden. The call goes on" in refused.json()["detail"]
    assert (await tell(calls_api, call_id, "transfer", TARGET, "on")).status_code == 200


async def test_a_command_that_nobody_answered_is_done_once_when_it_is_repeated(
    temporal: WorkflowEnvironment, tmp_path: Path, database_url: str
) -> None:
    def patient_for(seconds: float) -> ApiSettings:
        return settings_for(
            tmp_path,
            **place_of(temporal),
            database_url=database_url,
            start_timeout_seconds=seconds,
        )

    async with serve(patient_for(20)) as patient, serve(patient_for(0.5)) as service:
        await given_trunk(service)
        call_id = (await call(patient)).json()["call_id"]
        unheard = await tell(service, call_id, "hold", None, "wait")
        assert_problem(unheard, 503, "unavailable")
        other = await tell(service, call_id, "hold", {"reason": "another"}, "wait")
        assert_problem(other, 422, "idempotency-key-reused")
        async with worker(temporal.client):
            held = await tell(patient, call_id, "hold", None, "wait")
        assert (held.status_code, held.json()["holders"]) == (200, ["operator"])
        history = await temporal.client.get_workflow_handle(call_id).fetch_history()
    accepted = [
        event
        for event in history.events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert len(accepted) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid-request"),
        ({"to": "0221234567"}, 422, "invalid-request"),
        ({"to": "+19005550123"}, 422, "invalid-request"),
        ({"to": "112"}, 422, "invalid-request"),
        ({"to": "sip:+912212345678@elsewhere.example"}, 422, "invalid-request"),
        ({"destination_id": "desk"}, 422, "invalid-request"),
        ({"to": "+912212345678", "destination_id": "desk"}, 422, "invalid-request"),
        ({"to": "+12025550123"}, 422, "country-not-allowed"),
    ],
)
async def test_a_transfer_leads_only_where_the_trunk_may_call(
    calls_api: Service, call_id: str, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(await tell(calls_api, call_id, "transfer", body), status, code)
    assert (await tell(calls_api, call_id, "hold")).status_code == 200  # it goes on


@pytest.mark.parametrize(
    "body", [None, {}, {"digits": ""}, {"digits": "www"}, {"digits": "12 "}, {"digits": "1" * 65}]
)
async def test_what_is_no_key(calls_api: Service, call_id: str, body: Any) -> None:
    assert_problem(await tell(calls_api, call_id, "dtmf", body), 422, "invalid-request")


async def test_a_web_call_has_no_telephone(calls_api: Service) -> None:
    web = (await calls_api.post("/web_call/get_token", {"assistant_id": "demo"})).json()["call_id"]
    for what, body in (("dtmf", {"digits": "1"}), ("transfer", TARGET)):
        assert_problem(await tell(calls_api, web, what, body), 409, "no-phone-leg")
    assert (await tell(calls_api, web, "hold")).status_code == 200


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("hold", None),
        ("resume", None),
        ("play", CLIP),
        ("play/stop", None),
        ("dtmf", {"digits": "1"}),
        ("transfer", TARGET),
    ],
)
async def test_what_is_over_is_commanded_no_more(
    calls_api: Service, call_id: str, client: Client, what: str, body: Any
) -> None:
    await tell(calls_api, call_id, "dtmf", {"digits": "#"})
    await client.get_workflow_handle(call_id).result()
    for key in (None, "too-late", "too-late"):
        assert_problem(await tell(calls_api, call_id, what, body, key), 409, "call-ended")


@pytest.mark.parametrize("what", ["hold", "resume", "play", "play/stop", "dtmf", "transfer"])
async def test_a_call_that_is_not_there(calls_api: Service, what: str) -> None:
    body = {"dtmf": {"digits": "1"}, "transfer": TARGET, "play": CLIP}.get(what)
    assert_problem(await tell(calls_api, new_call_id(), what, body), 404, "call-not-found")
