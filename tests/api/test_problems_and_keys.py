"""Refusals: each a problem+json with a stable code, and nothing half-done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from contract.identity import new_call_id
from store.api_keys import ApiKeys, Role
from store.assistants import Assistants
from tests.api.service import Service, call_token, serve, settings_for
from tests.postgres import postgres_server

GET_TOKEN = "/web_call/get_token"


def assert_problem(answer: httpx2.Response, status: int, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"urn:switchboard:problem:{code}"
    assert body["title"]
    assert body["detail"]


async def given_key(service: Service, key: str, tenant_id: str, role: Role) -> dict[str, str]:
    async with service.parts.database.session() as session:
        await ApiKeys(session).add(key, tenant_id, role, key)
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.assistant_id"),
        ({"assistant_id": 7}, "body.assistant_id"),
        ({"assistant_id": "demo", "language": "english"}, "body.language"),
        ({"assistant_id": "demo", "record": "perhaps"}, "body.record"),
        ({"assistant_id": "demo", "metadata": {"x": "y" * 5000}}, "body.metadata"),
        ({"assistant_id": "demo", "metadata": []}, "body.metadata"),
        ({"assistant_id": "demo", "participant_name": ""}, "body.participant_name"),
        ({"assistant_id": "demo", "surprise": 1}, "body.surprise"),
    ],
)
async def test_a_malformed_request_names_the_field(
    service: Service, body: dict[str, object], field: str
) -> None:
    answer = await service.post(GET_TOKEN, body)
    assert_problem(answer, 422, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_is_not_json_is_400(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await service.client.post(GET_TOKEN, content=b'{"assistant_id": ', headers=headers)
    assert_problem(answer, 400, "malformed-json")
    answer = await service.client.post(GET_TOKEN, content=b"\xff\xfe", headers=headers)
    assert answer.status_code == 400


async def test_an_oversized_body_is_413_also_in_pieces(service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 4096

    headers = {"Content-Type": "application/json"}
    whole = await service.client.post(GET_TOKEN, content=b" " * 70_000, headers=headers)
    assert_problem(whole, 413, "body-too-large")
    chunked = await service.client.post(GET_TOKEN, content=pieces(), headers=headers)
    assert_problem(chunked, 413, "body-too-large")


async def test_unknown_addresses_methods_and_things(service: Service) -> None:
    assert_problem(await service.get("/nothing"), 404, "not-found")
    assert_problem(await service.client.delete("/calls"), 405, "method-not-allowed")
    assert_problem(await service.get("/calls/call_x"), 404, "call-not-found")
    assert_problem(await service.get("/assistants/x"), 404, "assistant-not-found")
    assert_problem(
        await service.post(GET_TOKEN, {"assistant_id": "nobody"}), 404, "assistant-not-found"
    )
    assert_problem(await service.get("/calls?cursor=x"), 422, "bad-cursor")
    assert_problem(await service.get("/calls?limit=0&status=asleep"), 422, "invalid-request")


async def test_temporal_away_is_503_and_leaves_nothing(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):  # the key was released: not a replay, not a conflict
        answer = await service.post(GET_TOKEN, {"assistant_id": "demo"}, headers=headers)
        assert_problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await service.get("/calls")).json()["items"] == []


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_1_to_255_characters(service: Service, key: str) -> None:
    answer = await service.post(
        GET_TOKEN, {"assistant_id": "demo"}, headers={"Idempotency-Key": key}
    )
    assert_problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic abc", "Bearer"])
async def test_without_a_valid_key_nothing_opens(service: Service, authorization: str) -> None:
    for method, path in [
        ("GET", "/calls"),
        ("GET", "/calls/x"),
        ("GET", "/calls/x/events"),
        ("GET", "/assistants"),
        ("GET", "/assistants/demo"),
        ("POST", GET_TOKEN),
        ("POST", "/codec/decode"),
        ("POST", "/internal/calls/x/turns"),
    ]:
        answer = await service.client.request(
            method, path, json={"turns": []}, headers={"Authorization": authorization}
        )
        assert_problem(answer, 401, "unauthorised")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_revoked_key_is_refused(service: Service) -> None:
    headers = await given_key(service, "soon-gone", "default", Role.ADMIN)
    async with service.parts.database.session() as session:
        await ApiKeys(session).revoke("soon-gone")
    assert_problem(await service.get("/calls", headers=headers), 401, "unauthorised")


async def test_a_role_opens_what_it_may(service: Service) -> None:
    auditor = await given_key(service, "auditor", "default", Role.AUDITOR)
    agent = await given_key(service, "agent", "default", Role.AGENT)
    call = {"assistant_id": "demo"}
    assert (await service.get("/calls", headers=auditor)).status_code == 200
    assert_problem(await service.post(GET_TOKEN, call, headers=auditor), 403, "forbidden")
    assert_problem(
        await service.post("/assistants", {"name": "x"}, headers=auditor), 403, "forbidden"
    )
    assert_problem(await service.get("/calls", headers=agent), 403, "forbidden")


async def test_another_tenants_things_do_not_exist(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    stranger = await given_key(service, "stranger", "other", Role.ADMIN)
    for path in ("", "/timeline", "/transcript", "/events", "/recording"):
        answer = await service.get(f"/calls/{call_id}{path}", headers=stranger)
        assert_problem(answer, 404, "call-not-found")
    assert_problem(
        await service.post(f"/calls/{call_id}/hangup", headers=stranger), 404, "call-not-found"
    )
    assert (await service.get("/calls", headers=stranger)).json()["items"] == []
    assert (await service.get("/assistants", headers=stranger)).json()["items"] == []
    for method in ("GET", "DELETE"):
        answer = await service.client.request(method, "/assistants/demo", headers=stranger)
        assert_problem(answer, 404, "assistant-not-found")
    started = await service.post(GET_TOKEN, {"assistant_id": "demo"}, headers=stranger)
    assert_problem(started, 404, "assistant-not-found")


async def test_a_call_token_opens_its_own_call_and_nothing_else(service: Service) -> None:
    mine, other = new_call_id(), new_call_id()
    await service.given_call(mine)
    await service.given_call(other, assistant_id="another")
    token = call_token(mine)
    assert (await service.get("/assistants/demo", headers=token)).status_code == 200
    forged = {"Authorization": token["Authorization"][:-1] + "x"}
    assert_problem(await service.get("/assistants/demo", headers=forged), 401, "unauthorised")
    foreign = call_token(other)
    assert_problem(await service.get("/assistants/demo", headers=foreign), 403, "forbidden")
    assert_problem(await service.get("/calls", headers=token), 401, "unauthorised")
    turns = f"/internal/calls/{other}/turns"
    assert_problem(await service.post(turns, {"turns": []}, headers=token), 403, "forbidden")


async def test_a_fault_of_ours_tells_no_internals(service: Service) -> None:
    async with service.parts.database.session() as session:
        await Assistants(session).create("default", "broken", {"language": "a secret"})
    answer = await service.get("/assistants/broken")
    assert_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text


async def test_a_database_file_that_is_not_ours_any_more_is_503(tmp_path: Path) -> None:
    async with serve(settings_for(tmp_path)) as service:
        async with service.parts.database.session() as session:
            await session.execute(text("ALTER TABLE api_keys RENAME TO gone"))
        answer = await service.get("/calls")
        assert_problem(answer, 503, "unavailable")
        assert "api_keys" not in answer.text


async def test_a_postgresql_that_comes_and_goes_needs_no_restart_of_ours(tmp_path: Path) -> None:
    with postgres_server() as server:
        url = await server.empty_database()
        async with serve(settings_for(tmp_path, database_url=url)) as service:
            assert (await service.get("/calls")).status_code == 200
            server.stop()
            for _ in range(2):  # over the connection that was cut, then over a new one
                assert_problem(await service.get("/calls"), 503, "unavailable")
            parts = (await service.get("/readyz")).json()["parts"]
            assert parts["database"]["ok"] is False
            server.start()
            for _ in range(10):
                assert (await service.get("/calls")).status_code == 200
            await asyncio.sleep(1.1)  # the answer before is good for a second
            parts = (await service.get("/readyz")).json()["parts"]
            assert parts["database"]["ok"] is True


@pytest.mark.parametrize("path", ["/codec/decode", "/codec/encode"])
async def test_only_the_installations_own_admins_may_read_everybodys_payloads(
    service: Service, path: str
) -> None:
    own = await given_key(service, "another admin", "default", Role.ADMIN)
    assert (await service.post(path, {"payloads": []}, headers=own)).status_code == 200
    for tenant, role in (("acme", Role.ADMIN), ("default", Role.OPERATOR)):
        other = await given_key(service, f"{role} of {tenant}", tenant, role)
        assert_problem(await service.post(path, {"payloads": []}, headers=other), 403, "forbidden")
        large = {"payloads": [], "filling": "x" * 100_000}
        assert_problem(await service.post(path, large, headers=other), 403, "forbidden")


async def test_only_the_temporal_ui_may_call_the_codec_from_a_browser(service: Service) -> None:
    async def preflight(origin: str) -> httpx2.Response:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-namespace",
        }
        return await service.client.options("/codec/decode", headers=headers)

    allowed = await preflight("http://temporal-ui.test")
    assert allowed.headers["Access-Control-Allow-Origin"] == "http://temporal-ui.test"
    assert "x-namespace" in allowed.headers["Access-Control-Allow-Headers"]
    refused = await preflight("http://evil.test")
    assert "Access-Control-Allow-Origin" not in refused.headers
