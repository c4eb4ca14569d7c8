"""Who may tell us events, and what happens when Temporal is away. No servers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from google.protobuf.json_format import MessageToJson
from livekit.protocol.egress import EgressInfo
from livekit.protocol.webhook import WebhookEvent

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


async def test_names_may_be_as_long_as_livekit_lets_them_be(service: Service) -> None:
    room, identity = "lobby-".ljust(256, "x"), "i" * 256
    answer = await deliver(service, event("participant_joined", room, identity=identity))
    assert answer.status_code == 503  # taken into the store; Temporal is away
    async with service.parts.database.reader() as session:
        (call,) = await Calls(session).open_calls()
    assert (call.room_name, call.human_identity) == (room, identity)


@pytest.mark.parametrize("name", ["participant_joined", "participant_left", "room_finished"])
async def test_a_name_that_no_row_can_hold_is_nobodys(service: Service, name: str) -> None:
    for told in (
        event(name, "lobby-\0"),
        event(name, "lobby-1", identity="a\0b"),
        event(name, "elsewhere", metadata='{"agent_id": "a\\u0000b"}'),
        WebhookEvent(event="egress_ended", egress_info=EgressInfo(room_name="lobby-\0")),
        WebhookEvent(event="egress_ended", egress_info=EgressInfo(egress_id="EG\0")),
    ):
        assert (await deliver(service, told)).status_code == 200, told
    async with service.parts.database.reader() as session:
        assert await Calls(session).open_calls() == []
