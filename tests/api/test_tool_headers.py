"""What tools send in headers: secrets that go in and come out for a call's agents alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from contract.identity import new_call_id
from engine.sealing import Sealing
from store.api_keys import Role
from store.assistants import Assistants, headers_place
from tests.api.service import Service, call_token, serve, settings_for
from tests.api.test_problems_and_keys import assert_problem, given_key
from tests.api.test_reading_calls import NOON, end

PAYLOAD_KEYS = "test:" + "A" * 43 + "="
NEXT_PAYLOAD_KEYS = "next:" + "B" * 42 + "A="
SECRET, OTHER = "Bearer correct-horse", "battery-staple"
TOOL = {
    "name": "book_table",
    "description": "Book a table.",
    "url": "https://blue-door.example/bookings",
    "headers": {"Authorization": SECRET, "X-Shop": OTHER},
}
DESK = {"id": "desk", "name": "Desk", "tools": {"http": [TOOL]}}
HIDDEN = {"Authorization": "[hidden]", "X-Shop": "[hidden]"}


@pytest.fixture
async def sealed(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path, database_url=database_url, payload_keys=PAYLOAD_KEYS)
    async with serve(settings) as running:
        yield running


def headers_in(body: dict[str, Any]) -> dict[str, str]:
    (tool,) = body["tools"]["http"]
    headers: dict[str, str] = tool["headers"]
    return headers


async def told_to_its_agents(service: Service, call_id: str | None = None) -> dict[str, str]:
    if call_id is None:
        call_id = new_call_id()
        await service.given_call(call_id, assistant_id="desk")
    answer = await service.get("/assistants/desk", headers=call_token(call_id))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return headers_in(answer.json())


async def everything_kept(service: Service) -> str:
    async with service.parts.database.reader() as session:
        rows = [
            (await session.execute(text(f"SELECT * FROM {table}"))).all()
            for table in ("assistants", "idempotency_keys")
        ]
    return str(rows)


async def test_values_go_in_sealed_and_come_out_for_agents_only(sealed: Service) -> None:
    key = {"Idempotency-Key": "desk"}
    created = await sealed.post("/assistants", DESK, headers=key)
    assert (created.status_code, headers_in(created.json())) == (201, HIDDEN)
    again = await sealed.post("/assistants", DESK, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    shown = [created.text, again.text, await everything_kept(sealed)]
    for role in (Role.ADMIN, Role.OPERATOR, Role.AUDITOR):
        holder = await given_key(sealed, f"key of {role}", "default", role)
        for path in ("/assistants", "/assistants/desk"):
            shown.append((await sealed.get(path, headers=holder)).text)
    for told in shown:
        assert SECRET not in told
        assert OTHER not in told
    assert await told_to_its_agents(sealed) == TOOL["headers"]


async def test_a_call_that_is_over_needs_no_secret(sealed: Service) -> None:
    await sealed.post("/assistants", DESK)
    call_id = new_call_id()
    await sealed.given_call(call_id, assistant_id="desk", started_at=NOON)
    assert await told_to_its_agents(sealed, call_id) == TOOL["headers"]
    await end(sealed, call_id)
    refused = await sealed.get("/assistants/desk", headers=call_token(call_id))
    assert_problem(refused, 403, "forbidden")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_what_was_shown_can_be_edited_and_sent_back(sealed: Service, method: str) -> None:
    await sealed.post("/assistants", DESK)
    shown = (await sealed.get("/assistants/desk")).json()
    body = {"name": "New", "tools": shown["tools"]}
    body["tools"]["http"][0]["description"] = "Book."
    body["tools"]["http"][0]["url"] = "https://Blue-Door.example:443/v2"
    body["tools"]["http"][0]["headers"] = {"Authorization": "[hidden]", "X-New": "n"}
    changed = await sealed.client.request(method, "/assistants/desk", json=body)
    assert changed.status_code == 200, changed.text
    assert headers_in(changed.json()) == {"Authorization": "[hidden]", "X-New": "[hidden]"}
    assert await told_to_its_agents(sealed) == {"Authorization": SECRET, "X-New": "n"}


async def test_a_patch_of_other_things_keeps_them(sealed: Service) -> None:
    await sealed.post("/assistants", DESK)
    await sealed.client.patch("/assistants/desk", json={"silence": {"reprompt_after": 5}})
    assert await told_to_its_agents(sealed) == TOOL["headers"]
    await sealed.client.patch("/assistants/desk", json={"tools": {"http": []}})
    async with sealed.parts.database.reader() as session:
        kept = await Assistants(session).get("default", "desk")
    assert kept is not None
    assert kept.sealed_headers == ""


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://evil.example/bookings"},
        {"url": "http://blue-door.example/bookings"},
        {"url": "https://blue-door.example:8443/bookings"},
        {"name": "another"},
        {"headers": {"X-Never": "[hidden]"}},
    ],
)
async def test_a_value_is_kept_for_its_server_and_its_header_only(
    sealed: Service, change: dict[str, Any]
) -> None:
    await sealed.post("/assistants", DESK)
    body = {"tools": {"http": [TOOL | {"headers": HIDDEN} | change]}}
    answer = await sealed.client.patch("/assistants/desk", json=body)
    name = next(iter(change.get("headers", HIDDEN)))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == f"body.tools.http.0.headers.{name}"
    assert await told_to_its_agents(sealed) == TOOL["headers"]


async def test_a_new_assistant_has_nothing_to_keep(sealed: Service) -> None:
    body = DESK | {"tools": {"http": [TOOL | {"headers": HIDDEN}]}}
    assert (await sealed.post("/assistants", body)).status_code == 422


async def test_without_payload_keys_values_are_refused_not_kept_in_clear(service: Service) -> None:
    assert_problem(await service.post("/assistants", DESK), 409, "no-payload-keys")
    patch = {"tools": {"http": [TOOL]}}
    refused = await service.client.patch("/assistants/demo", json=patch)
    assert_problem(refused, 409, "no-payload-keys")
    plain = DESK | {"tools": {"http": [TOOL | {"headers": {}}]}}
    assert (await service.post("/assistants", plain)).status_code == 201


async def test_values_outlive_the_key_that_they_were_sealed_with(
    tmp_path: Path, database_url: str
) -> None:
    seen = []
    # As docs/deploy.md changes keys, with a restart after each step; then, by mistake, the old one.
    for keys in (
        PAYLOAD_KEYS,
        f"{PAYLOAD_KEYS},{NEXT_PAYLOAD_KEYS}",
        f"{NEXT_PAYLOAD_KEYS},{PAYLOAD_KEYS}",
        NEXT_PAYLOAD_KEYS,
        PAYLOAD_KEYS,
    ):
        settings = settings_for(tmp_path, database_url=database_url, payload_keys=keys)
        async with serve(settings) as service:
            if not seen:
                await service.post("/assistants", DESK)
            async with service.parts.database.reader() as session:
                kept = await Assistants(session).get("default", "desk")
            assert kept is not None
            opens = await told_to_its_agents(service)
        seen.append((kept.sealed_headers, kept.updated_at, opens))
    first, both, turned, *rest = (sealed for sealed, _, _ in seen)
    assert first == both
    assert first != turned
    assert rest == [turned] * 2
    assert len({at for _, at, _ in seen}) == 1
    # A call goes on without the headers that no key opens; the service then says what it lacks.
    assert [opens for _, _, opens in seen] == [TOOL["headers"]] * 4 + [{}]


async def test_what_was_kept_in_clear_before_is_sealed_at_the_next_start(
    tmp_path: Path, database_url: str
) -> None:
    settings = settings_for(tmp_path, database_url=database_url)
    async with serve(settings) as service:
        await service.post("/assistants", DESK | {"tools": {"http": [TOOL | {"headers": {}}]}})
        async with service.parts.database.session() as session:
            stored = await Assistants(session).get("default", "desk")
            assert stored is not None
            before = stored.config | {"tools": {"http": [stored.config["tools"]["http"][0] | TOOL]}}
            await Assistants(session).reseal("default", "desk", before, None)
        # Nobody is shown it meanwhile, and calls go on.
        assert headers_in((await service.get("/assistants/desk")).json()) == HIDDEN
        assert await told_to_its_agents(service) == TOOL["headers"]
    settings = settings_for(tmp_path, database_url=database_url, payload_keys=PAYLOAD_KEYS)
    async with serve(settings) as service:
        assert SECRET not in await everything_kept(service)
        assert await told_to_its_agents(service) == TOOL["headers"]
        async with service.parts.database.reader() as session:
            kept = await Assistants(session).get("default", "desk")
    assert kept is not None
    place = headers_place("default", "desk")
    assert SECRET in Sealing(settings.keys).open(kept.sealed_headers or "", place)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:6379/", "http://localhost/", "https://169.254.169.254/latest"),
        *("http://10.0.0.7/", "http://[::1]/", "http://[fd00::1]/", "http://2130706433/"),
    ],
)
async def test_a_tool_that_asks_a_private_address_is_refused(service: Service, url: str) -> None:
    body = {"name": "x", "tools": {"http": [TOOL | {"headers": {}, "url": url}]}}
    answer = await service.post("/assistants", body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body.tools.http.0.url"]
    assert "TOOL_PRIVATE_NETWORKS" in answer.text


async def test_the_operator_opens_a_network_to_tools(tmp_path: Path, database_url: str) -> None:
    settings = settings_for(
        tmp_path, database_url=database_url, tool_private_networks="10.0.0.0/8, ::1"
    )
    async with serve(settings) as service:
        for url, status in (("http://10.1.2.3/", 201), ("http://192.168.1.1/", 422)):
            body = {"name": "x", "tools": {"http": [TOOL | {"headers": {}, "url": url}]}}
            assert (await service.post("/assistants", body)).status_code == status
