"""Who may tell us events, and what happens when Temporal is away. No servers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from google.protobuf.json_format import MessageToJson

from contract.identity import new_call_id
from store.calls import Calls
from tests.api.service import Service
from tests.api.webhooks import deliver, event, signed

BODY = MessageToJson(event("participant_joined", "lobby-1")).encode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another secret of thirty-two bytes"},
        {"iss": "another-key"},
        {"nbf": int(time.time()) - 700, "exp": int(time.time()) - 400},
        {"exp": None},
        {"sha256": None},
        {"sha256": "not base64"},
    ],
    ids=["secret", "key", "expired", "without expiry", "without hash", "bad hash"],
)
async def test_a_webhook_that_is_not_livekits_is_refused(
    service: Service, wrong: dict[str, object]
) -> None:
    headers = signed(service.parts.settings, BODY, **wrong)
    answer = await service.client.post("/livekit/webhook", content=BODY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


async def test_a_webhook_without_a_signature_is_refused(service: Service) -> None:
    del service.client.headers["Authorization"]
    answer = await service.client.post("/livekit/webhook", content=BODY)
    assert answer.status_code == 401


async def test_a_swapped_body_is_refused(service: Service) -> None:
    headers = signed(service.parts.settings, BODY)
    other = MessageToJson(event("participant_joined", "lobby-2")).encode()
    answer = await service.client.post("/livekit/webhook", content=other, headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff\xfe"])
async def test_a_genuine_event_that_cannot_be_read_is_400(service: Service, body: bytes) -> None:
    headers = signed(service.parts.settings, body)
    answer = await service.client.post("/livekit/webhook", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-event")


async def test_an_event_of_a_room_with_all_the_metadata_that_livekit_allows_is_taken(
    service: Service,
) -> None:
    told = event("participant_joined", new_call_id(), metadata='"\n' * 256 * 1024)
    assert (await deliver(service, told)).status_code == 200


async def test_a_large_body_that_livekit_did_not_sign_is_refused_before_it_is_read(
    service: Service,
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 1_000_000:
            read += 100_000
            yield b" " * 100_000

    wrong = signed(service.parts.settings, b"", secret="another secret of thirty-two bytes")
    for headers in (wrong, {"Authorization": ""}):
        answer = await service.client.post(
            "/livekit/webhook", content=body(), headers=headers | {"Expect": "100-continue"}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
    assert read <= 200_000


async def test_an_oversized_event_is_413(service: Service) -> None:
    body = b" " * 3_000_000
    headers = signed(service.parts.settings, body)
    answer = await service.client.post("/livekit/webhook", content=body, headers=headers)
    assert answer.status_code == 413


async def test_with_temporal_away_livekit_is_asked_to_tell_it_again(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    answer = await deliver(service, event("participant_left", call_id))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


async def test_a_call_that_temporal_could_not_take_keeps_one_row_for_the_next_try(
    service: Service,
) -> None:
    for _ in range(2):
        answer = await deliver(service, event("participant_joined", "lobby-1"))
        assert answer.status_code == 503
    async with service.parts.database.reader() as session:
        assert len(await Calls(session).open_calls()) == 1


@pytest.mark.parametrize("name", ["track_published", "room_started", "something_new"])
async def test_events_that_no_call_needs_are_taken(service: Service, name: str) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    assert (await deliver(service, event(name, call_id))).status_code == 200
