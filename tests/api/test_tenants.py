"""Tenants never see each other's anything: over every operation of openapi.json, another tenant's
thing is answered for exactly as one that never was.

Two exceptions, both in `KNOWN_ELSEWHERE`: a phone number is one tenant's at a time.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.settings import ApiSettings
from contract.calls import CallStatus, Direction, Provider, RecordingStatus, TimelineEntry
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import new_call_id
from contract.steps import WriteRecord, WriteRecording
from contract.webhooks import (
    DeliveryStatus,
    EventType,
    NoteWebhook,
    SendOutcome,
    WebhookSent,
    delivery_id_of,
    event_id_of,
)
from store.api_keys import ApiKeys, Role
from store.calls import Calls
from store.ledger import Ledger
from store.recordings import Recordings
from store.transcripts import Transcripts, Turn
from store.webhook_deliveries import Deliveries, NewEvent
from store.webhooks import Webhooks
from tests.api.operations import Operation, operations
from tests.api.service import Service, call_token, serve

pytestmark = pytest.mark.slow  # asks every operation as every tenant

A, B = "tenant-a", "tenant-b"
# Each pair: an id that tenant A has, and one as long that nobody ever had.
ASSISTANT = ("assistant-of-a", "assistant-of-0")
TRUNK = ("trunk-of-a", "trunk-of-0")
NUMBER = ("+12025550101", "+12025550199")
SECOND_NUMBER = "+12025550102"
CALLED_BY_A = "+12025550103"
HEADERS_THAT_COUNT = {"ratelimit", "date"}
# Hypothesis traces every line to explain a failure: ten times slower.
UNTRACED = (Phase.explicit, Phase.generate, Phase.shrink)
OPERATIONS = operations()
# Nothing of a tenant in them; probes open rooms, and the webhook is LiveKit's.
WITHOUT_TENANT = {
    "GET /healthz",
    "GET /readyz",
    "GET /media/{name}",
    "POST /livekit/webhook",
    "POST /codec/encode",
    "POST /codec/decode",
    "GET /installation",
    "POST /installation/probe",
}
# A call to a number has to lead somewhere: who wants it, is told that it is taken, not by whom.
KNOWN_ELSEWHERE = {("POST /numbers", "number")}


@dataclass(slots=True)
class World:
    """Both tenants with something of every kind, in one API."""

    service: Service
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: dict[str, tuple[str, str]] = field(default_factory=dict)  # by name of the parameter
    fingerprints: set[str] = field(default_factory=set)  # texts that only A has
    whole: str = ""  # all that A can read

    async def send(
        self, tenant: str, method: str, path: str, body: object = None, **options: Any
    ) -> httpx2.Response:
        headers = self.keys[tenant] | options.pop("headers", {})
        return await self.service.client.request(
            method, path, json=body, headers=headers, **options
        )

    async def made(self, tenant: str, path: str, body: object) -> dict[str, Any]:
        answer = await self.send(tenant, "POST", path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def all_of_a(self) -> str:
        """Everything that A can read, as text."""
        return json.dumps([await self._read(one) for one in OPERATIONS if one.method == "GET"])

    async def _read(self, operation: Operation) -> Any:
        if operation.name in WITHOUT_TENANT or operation.path.endswith("/events"):
            return None
        path = operation.path
        for name in operation.path_parameters:
            path = path.replace(f"{{{name}}}", self.ids[name][0])
        answer = await self.send(A, "GET", path)
        assert answer.status_code == 200, f"{operation.name}: {answer.text}"
        read = answer.json()
        if operation.path.endswith("/recording"):  # its link is signed anew each time
            del read["url"], read["expires_at"]
        return read


async def furnished(service: Service) -> World:
    world = World(service)
    for tenant in (A, B):
        key = f"admin of {tenant}"
        async with service.parts.database.session() as session:
            await ApiKeys(session).add(key, tenant, Role.ADMIN, key)
        world.keys[tenant] = {"Authorization": f"Bearer {key}"}
    call_id = await _call_of_a(service)
    second_call_id = await _call_of_a(service)
    await world.made(A, "/assistants", {"id": ASSISTANT[0], "name": "Secret of A"})
    # Two of everything, so that each list of A has a second page.
    await world.made(A, "/assistants", {"id": f"{ASSISTANT[0]}-2", "name": "Secret of A"})
    await world.made(B, "/assistants", {"id": "assistant-of-b", "name": "Of B"})
    world.ids = {
        "call_id": (call_id, new_call_id()),
        "assistant_id": ASSISTANT,
        "trunk_id": TRUNK,
        "number": NUMBER,
    }
    world.fingerprints = {call_id, second_call_id, CALLED_BY_A, ASSISTANT[0], "Secret of A", A}
    await _webhooks_of_a(world, call_id)
    paths = {operation.path for operation in OPERATIONS}
    if "/trunks" in paths:
        for trunk_id in (TRUNK[0], f"{TRUNK[0]}-2"):
            await world.made(A, "/trunks", {"id": trunk_id, "name": "T", "host": "sip.a.example"})
        await world.made(B, "/trunks", {"id": "trunk-of-b", "name": "T", "host": "sip.b.example"})
        for number in (NUMBER[0], SECOND_NUMBER):
            route = {"number": number, "assistant_id": ASSISTANT[0], "trunk_id": TRUNK[0]}
            await world.made(A, "/numbers", route)
        world.fingerprints |= {TRUNK[0], "sip.a.example", NUMBER[0], SECOND_NUMBER}
    if "/keys" in paths:
        key_id = (await world.made(A, "/keys", {"name": "Second of A", "role": "admin"}))["id"]
        world.ids["key_id"] = (key_id, key_id[:-4] + "0000")
        world.fingerprints |= {key_id, "Second of A"}
    world.whole = await world.all_of_a()
    return world


async def _webhooks_of_a(world: World, call_id: str) -> None:
    """Two, each with two deliveries that have failed."""
    webhook = {"url": "https://hooks.a.example/", "events": ["call.ended", "call.held"]}
    hooks = [(await world.made(A, "/webhooks", webhook))["id"] for _ in range(2)]
    await world.made(B, "/webhooks", webhook | {"url": "https://hooks.b.example/"})
    delivered = [
        await _failed_delivery(world.service, call_id, kind, hook)
        for kind in (EventType.CALL_ENDED, EventType.CALL_HELD)
        for hook in hooks
    ]
    world.ids["webhook_id"] = (hooks[0], hooks[0][:-4] + "0000")
    world.ids["delivery_id"] = (delivered[0], delivered[0][:-4] + "2222")
    world.fingerprints |= {*delivered, *hooks, "hooks.a.example", "Answered to A."}


async def _failed_delivery(service: Service, call_id: str, kind: EventType, hook: str) -> str:
    told = NewEvent(
        id=event_id_of(call_id, kind),
        tenant_id=A,
        call_id=call_id,
        type=kind,
        at=datetime.now(UTC),
        body="{}",
    )
    sent = WebhookSent(outcome=SendOutcome.HOPELESS, at=told.at, detail="Answered to A.")
    delivery_id = delivery_id_of(told.id, hook)
    note = NoteWebhook(
        delivery_id=delivery_id, attempt=1, sent=sent, status=DeliveryStatus.DEAD, next_at=None
    )
    async with service.parts.database.session() as session:
        await Deliveries(session).tell(told, await Webhooks(session).enabled(A))
        await Deliveries(session).note(note)
    return delivery_id


async def _call_of_a(service: Service) -> str:
    call_id, now = new_call_id(), datetime.now(UTC)
    await service.given_call(
        call_id,
        tenant_id=A,
        assistant_id=ASSISTANT[0],
        record=True,
        direction=Direction.OUTBOUND,
        provider=Provider.BRIDGE,
        trunk_id=TRUNK[0],
        to_number=CALLED_BY_A,
    )
    said = TimelineEntry(
        source="workflow", source_seq=1, at=now, actor="platform", kind="step", text="Said to A"
    )
    ending = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "")
    over = WriteRecord(
        call_id=call_id,
        entries=(said,),
        status=CallStatus.ENDED,
        ended_at=now,
        ending=ending,
        talk_seconds=1.0,
    )
    recording = WriteRecording(
        call_id=call_id, status=RecordingStatus.READY, attempts=1, object_key=f"{call_id}.ogg"
    )
    turn = Turn(
        call_id=call_id,
        source="atlas-1",
        source_seq=1,
        speaker="caller",
        text="Words of A",
        language=None,
        start=now,
        end=now,
        sentiment=None,
    )
    async with service.parts.database.session() as session:
        await Calls(session).write(over)
        await Recordings(session).write(recording)
        await Ledger(session).settle(call_id, A, "0.01", "USD", False, [])
        await Transcripts(session).add([turn])
    return call_id


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def world(runner: asyncio.Runner, shared_settings: ApiSettings) -> Iterator[World]:
    serving = serve(shared_settings)
    service = runner.run(serving.__aenter__())
    yield runner.run(furnished(service))
    runner.run(serving.__aexit__(None, None, None))


def test_the_test_knows_how_to_address_every_operation(world: World) -> None:
    for operation in OPERATIONS:
        if operation.name in WITHOUT_TENANT:
            continue
        unknown = set(operation.path_parameters) - set(world.ids)
        assert not unknown, (
            f"{operation.name} has {unknown} in its path: give tenant A one, and one that nobody "
            f"has, in `furnished` of {__file__}."
        )
        if operation.takes_body:
            assert operation.name in BODIES, (
                f"{operation.name} takes a body: say in BODIES of {__file__} what a tenant may "
                "send, with ids in it where it takes some."
            )


OUTBOUND = {
    "assistant_id": "assistant-of-b",
    "trunk_id": "trunk-of-b",
    "to_number": "+12025550188",
    "from_number": "+12025550166",
}

# What may be sent, with `{…}` where an id of another tenant might be put.
BODIES: dict[str, tuple[dict[str, Any], ...]] = {
    "POST /web_call/get_token": ({"assistant_id": "{assistant_id}"},),
    "POST /call/outbound": (
        OUTBOUND | {"trunk_id": "{trunk_id}"},
        OUTBOUND | {"assistant_id": "{assistant_id}"},
        OUTBOUND | {"from_number": "{number}"},
    ),
    "POST /calls/{call_id}/recording/retry": ({"reason": "x"}, {}),
    "POST /recordings/retry": (
        {"reason": "x"},
        {"reason": "x", "dry_run": False, "assistant_id": "{assistant_id}"},
        {},
    ),
    "POST /calls/{call_id}/hangup": ({}, {"reason": "x"}),
    "PUT /calls/{call_id}/legal_hold": ({"reason": "x"}, {}),
    "POST /calls/{call_id}/hold": ({}, {"reason": "x"}),
    "POST /calls/{call_id}/resume": ({},),
    "POST /calls/{call_id}/language": ({"language": "de-DE"}, {}),
    "POST /calls/{call_id}/play": ({"asset_url": "https://x.example/a.mp3"}, {}),
    "POST /calls/{call_id}/dtmf": ({"digits": "1#"}, {}),
    "POST /calls/{call_id}/transfer": ({"to": "+12025550177"}, {}),
    "POST /assistants": ({"name": "x"}, {"id": "{assistant_id}", "name": "x"}, {"id": 1}),
    "PUT /assistants/{assistant_id}": ({"name": "x"}, {}),
    "PATCH /assistants/{assistant_id}": ({"name": "x"}, {"nothing": 1}),
    "POST /trunks": (
        {"name": "x", "host": "sip.b.example"},
        {"id": "{trunk_id}", "name": "x", "host": "sip.b.example"},
    ),
    "PUT /trunks/{trunk_id}": ({"name": "x", "host": "sip.b.example"}, {}),
    "PATCH /trunks/{trunk_id}": ({"enabled": False}, {"nothing": 1}),
    "POST /numbers": (
        {"number": "+12025550177", "assistant_id": "{assistant_id}"},
        {"number": "{number}", "assistant_id": "assistant-of-b"},
        {"number": "+12025550177", "assistant_id": "assistant-of-b", "trunk_id": "{trunk_id}"},
    ),
    "PUT /numbers/{number}": ({"assistant_id": "assistant-of-b"}, {}),
    "PATCH /numbers/{number}": ({"enabled": False}, {"trunk_id": "{trunk_id}"}),
    "POST /webhooks": ({"url": "https://x.example/", "events": ["call.held"]}, {}),
    "PATCH /webhooks/{webhook_id}": ({"enabled": False}, {"nothing": 1}),
    "POST /webhooks/{webhook_id}/rotate": ({}, {"overlap_seconds": -1}),
    "POST /keys": ({"name": "x", "role": "auditor"},),
    "POST /internal/calls/{call_id}/turns": ({"turns": []},),
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[Operation, dict[str, Any] | None, dict[str, str]]:
    """An operation, a body for it, and a query with texts of A's world."""
    known = [one for one in OPERATIONS if one.name not in WITHOUT_TENANT]
    operation = draw(st.sampled_from(known))
    body = draw(st.sampled_from(BODIES[operation.name])) if operation.takes_body else None
    texts = st.sampled_from(
        ["{assistant_id}", "{call_id}", "{trunk_id}", "{webhook_id}", "1", "ended", ""]
    )
    query = draw(
        st.dictionaries(st.sampled_from(operation.query_parameters), texts)
        if operation.query_parameters
        else st.just({})
    )
    return operation, body, query


@given(requests(), st.booleans())
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    phases=UNTRACED,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_another_tenant_has_is_answered_for_as_what_never_was(
    runner: asyncio.Runner,
    world: World,
    request_: tuple[Operation, dict[str, Any] | None, dict[str, str]],
    with_key: bool,
) -> None:
    runner.run(_compare(world, *request_, with_key))


async def _compare(
    world: World,
    operation: Operation,
    body: dict[str, Any] | None,
    query: dict[str, str],
    with_key: bool,
) -> None:
    seen = []
    for which in (0, 1):  # A's, and nobody's
        headers = {"Idempotency-Key": secrets.token_hex(8)} if with_key else {}
        if operation.path.startswith("/internal/"):  # an agent of B's call
            headers |= call_token("call_" + "0" * 26)
        answer = await world.send(
            B,
            operation.method,
            _filled(operation.path, world, which),
            json.loads(_filled(json.dumps(body), world, which)) if body is not None else None,
            params={name: _filled(text, world, which) for name, text in query.items()},
            headers=headers,
        )
        seen.append(_told(answer, world, which))
        if answer.status_code == 201:
            await _take_back(world, answer)
    if not _is_known_elsewhere(operation, body):
        assert seen[0] == seen[1], f"{operation.name} {body} {query}"
    if operation.method != "GET":
        assert await world.all_of_a() == world.whole, f"{operation.name} changed something of A"


def _is_known_elsewhere(operation: Operation, body: dict[str, Any] | None) -> bool:
    named = {name for name, value in (body or {}).items() if str(value).startswith("{")}
    return any((operation.name, name) in KNOWN_ELSEWHERE for name in named)


def _filled(text: str, world: World, which: int) -> str:
    for name, pair in world.ids.items():
        text = text.replace(f"{{{name}}}", pair[which])
    return text


def _told(answer: httpx2.Response, world: World, which: int) -> tuple[int, str, dict[str, str]]:
    """All of an answer, but for the id that was asked for, what counts, and what is made up."""

    def anonymous(text: str) -> str:
        for name, pair in world.ids.items():
            text = text.replace(pair[which], f"{{{name}}}")
        return text

    headers = {
        name: anonymous(value)
        for name, value in answer.headers.items()
        if name not in HEADERS_THAT_COUNT
    }
    if answer.status_code != 201:
        return answer.status_code, anonymous(answer.text), headers
    headers.pop("location", None)
    headers.pop("content-length", None)
    made = {
        name: value
        for name, value in answer.json().items()
        if name not in ("created_at", "updated_at", "id", "key", "prefix", "secret")
    }
    return 201, anonymous(json.dumps(made)), headers


async def _take_back(world: World, answer: httpx2.Response) -> None:
    """So that the second of two equal requests finds what the first one found."""
    collection = answer.request.url.path
    made = answer.json()
    made_id = made.get("number") or made["id"]
    gone = await world.send(B, "DELETE", f"{collection}/{made_id}")
    assert gone.status_code == 204, gone.text


def test_no_list_of_b_has_anything_of_a(runner: asyncio.Runner, world: World) -> None:
    async def look() -> None:
        for operation in OPERATIONS:
            if operation.method != "GET" or operation.name in WITHOUT_TENANT:
                continue
            if operation.path_parameters:
                continue
            told = (await world.send(B, "GET", operation.path, params={"limit": "200"})).text
            found = [text for text in world.fingerprints if text in told]
            assert not found, f"{operation.name} tells B of A's {found}"
            own = (await world.send(A, "GET", operation.path)).text
            assert any(text in own for text in world.fingerprints), (
                f"{operation.name} shows A nothing: give A one in `furnished` of {__file__}."
            )

    runner.run(look())


def test_cursors_of_a_lead_b_only_to_its_own(runner: asyncio.Runner, world: World) -> None:
    async def look() -> None:
        await world.service.given_call(new_call_id(), tenant_id=A)
        lists = [one for one in OPERATIONS if "cursor" in one.query_parameters]
        assert lists
        for operation in lists:
            path = _filled(operation.path, world, 0)
            page = (await world.send(A, "GET", path, params={"limit": "1"})).json()
            cursor = page["next_cursor"]
            assert cursor is not None, (
                f"{operation.name} shows A one page: give A two in `furnished` of {__file__}."
            )
            answer = await world.send(B, "GET", path, params={"cursor": cursor})
            told = (200, 422) if path == operation.path else (404,)  # it is below a thing of A
            assert answer.status_code in told, answer.text
            told_b = _told(answer, world, 0)[1]
            assert not [text for text in world.fingerprints if text in told_b]

    runner.run(look())


def test_idempotency_keys_do_not_cross(runner: asyncio.Runner, world: World) -> None:
    async def look() -> None:
        key = {"Idempotency-Key": "the same key"}
        of_a = await world.send(A, "POST", "/assistants", {"name": "Of A alone"}, headers=key)
        of_b = await world.send(B, "POST", "/assistants", {"name": "Of B alone"}, headers=key)
        assert (of_a.status_code, of_b.status_code) == (201, 201)
        assert of_a.json()["id"] != of_b.json()["id"]
        assert "Idempotent-Replayed" not in of_b.headers
        again = await world.send(A, "POST", "/assistants", {"name": "Of A alone"}, headers=key)
        assert again.json()["id"] == of_a.json()["id"]
        for tenant, made in ((A, of_a), (B, of_b)):
            await world.send(tenant, "DELETE", f"/assistants/{made.json()['id']}")

    runner.run(look())
