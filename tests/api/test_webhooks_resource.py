"""Webhooks as a tenant manages them: addresses, events, secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.sealing import Sealing
from store.webhooks import MOST_OF_A_TENANT, Webhooks, secret_place
from tests.api.service import Service, serve, settings_for
from tests.api.test_problems_and_keys import assert_problem
from tests.api.test_trunks_resource import NEXT_PAYLOAD_KEYS, PAYLOAD_KEYS

WEBHOOK = {"url": "https://crm.example/hook", "events": ["call.ended", "call.answered"]}


@pytest.fixture
async def sealed(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path, database_url=database_url, payload_keys=PAYLOAD_KEYS)
    async with serve(settings) as running:
        yield running


async def made(service: Service, **changes: Any) -> dict[str, Any]:
    answer = await service.post("/webhooks", WEBHOOK | changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_webhook_is_made_read_changed_and_deleted(sealed: Service) -> None:
    created = await sealed.post("/webhooks", WEBHOOK | {"description": "Our CRM"})
    webhook = created.json()
    assert created.status_code == 201
    assert created.headers["Location"] == f"http://api.test/webhooks/{webhook['id']}"
    assert created.headers["Cache-Control"] == "no-store"
    assert webhook.pop("secret").startswith("whsec_")
    assert webhook["events"] == ["call.ended", "call.answered"]
    assert (webhook["enabled"], webhook["disabled_reason"]) == (True, None)
    path = f"/webhooks/{webhook['id']}"
    assert (await sealed.get(path)).json() == webhook
    assert (await sealed.get("/webhooks")).json() == {"items": [webhook], "next_cursor": None}
    changed = await sealed.client.patch(path, json={"enabled": False, "events": ["call.held"]})
    assert (changed.json()["enabled"], changed.json()["events"]) == (False, ["call.held"])
    assert changed.json()["url"] == WEBHOOK["url"]
    assert (await sealed.client.delete(path)).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = await sealed.client.request(method, path, json={})
        assert_problem(answer, 404, "webhook-not-found")
    assert_problem(await sealed.get(f"{path}/deliveries"), 404, "webhook-not-found")
    assert_problem(await sealed.post(f"{path}/rotate", {}), 404, "webhook-not-found")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://localhost:8080/",
        "http://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:192.168.0.1]/",
        "http://0x7f000001/",
        "ftp://crm.example/",
        "https://user:word@crm.example/",
        "https://",
        "crm.example",
        "https://crm.example/a b",
    ],
)
async def test_an_address_that_is_none_or_private_is_refused(sealed: Service, url: str) -> None:
    webhook = await made(sealed)
    refused = await sealed.post("/webhooks", WEBHOOK | {"url": url})
    assert_problem(refused, 422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "body.url"
    changed = await sealed.client.patch(f"/webhooks/{webhook['id']}", json={"url": url})
    assert_problem(changed, 422, "invalid-request")
    assert len((await sealed.get("/webhooks")).json()["items"]) == 1


async def test_an_operator_may_allow_a_private_network(tmp_path: Path, database_url: str) -> None:
    settings = settings_for(
        tmp_path,
        database_url=database_url,
        payload_keys=PAYLOAD_KEYS,
        webhook_private_networks="10.2.0.0/16, ::1",
    )
    async with serve(settings) as service:
        await made(service, url="http://10.2.0.7/hook")
        refused = await service.post("/webhooks", WEBHOOK | {"url": "http://10.3.0.7/hook"})
        assert "WEBHOOK_PRIVATE_NETWORKS" in refused.text
        webhook = (await service.get("/webhooks")).json()["items"][0]
    # Allowed no longer, it can be switched off all the same, and led elsewhere.
    settings = settings_for(tmp_path, database_url=database_url, payload_keys=PAYLOAD_KEYS)
    async with serve(settings) as service:
        path = f"/webhooks/{webhook['id']}"
        off = await service.client.patch(path, json={"enabled": False})
        assert off.json()["enabled"] is False
        moved = await service.client.patch(path, json={"url": WEBHOOK["url"]})
        assert moved.json()["url"] == WEBHOOK["url"]
        back = await service.client.patch(path, json={"url": webhook["url"]})
        assert_problem(back, 422, "invalid-request")


@pytest.mark.parametrize(
    "events",
    [[], ["call.exploded"], ["call.ended", "call.ended"], "call.ended", None],
    ids=["none", "unknown", "twice", "no list", "null"],
)
async def test_events_are_known_ones_each_once(sealed: Service, events: object) -> None:
    answer = await sealed.post("/webhooks", WEBHOOK | {"events": events})
    assert_problem(answer, 422, "invalid-request")


async def test_a_secret_goes_out_once_and_is_sealed_at_rest(sealed: Service) -> None:
    key = {"Idempotency-Key": "one"}
    created = (await sealed.post("/webhooks", WEBHOOK, headers=key)).json()
    repeated = await sealed.post("/webhooks", WEBHOOK, headers=key)
    assert_problem(repeated, 409, "webhook-secret-shown-once")
    assert created["id"] in repeated.json()["detail"]
    other = await sealed.post("/webhooks", WEBHOOK | {"description": "x"}, headers=key)
    assert_problem(other, 422, "idempotency-key-reused")
    async with sealed.parts.database.reader() as session:
        rows = await session.execute(text("SELECT * FROM webhooks"))
        kept = "".join(map(str, rows.all()))
        answers = await session.execute(text("SELECT answer FROM idempotency_keys"))
        kept += "".join(map(str, answers.all()))
    assert created["id"] in kept
    assert created["secret"].removeprefix("whsec_") not in kept


async def test_without_payload_keys_no_secret_is_made(service: Service) -> None:
    answer = await service.post("/webhooks", WEBHOOK)
    assert_problem(answer, 409, "no-payload-keys")
    assert (await service.get("/webhooks")).json()["items"] == []


async def test_a_rotation_keeps_the_secret_before_for_a_while(sealed: Service) -> None:
    first = await made(sealed)
    path = f"/webhooks/{first['id']}"
    asked_at = datetime.now(UTC)
    rotated = await sealed.post(f"{path}/rotate", {"overlap_seconds": 600})
    second = rotated.json()
    assert rotated.headers["Cache-Control"] == "no-store"
    assert second["secret"] != first["secret"]
    until = datetime.fromisoformat(second["previous_secret_until"])
    assert timedelta(0) <= until - asked_at - timedelta(seconds=600) < timedelta(seconds=60)
    assert await secrets_of(sealed, first["id"], PAYLOAD_KEYS) == [
        second["secret"],
        first["secret"],
    ]
    third = (await sealed.post(f"{path}/rotate", {"overlap_seconds": 0})).json()
    assert third["previous_secret_until"] is None
    assert await secrets_of(sealed, first["id"], PAYLOAD_KEYS) == [third["secret"]]


async def test_secrets_follow_the_payload_keys(tmp_path: Path, database_url: str) -> None:
    def settings(keys: str) -> Any:
        return settings_for(tmp_path, database_url=database_url, payload_keys=keys)

    async with serve(settings(PAYLOAD_KEYS)) as service:
        webhook = await made(service)
        rotated = (await service.post(f"/webhooks/{webhook['id']}/rotate", {})).json()
    async with serve(settings(f"{NEXT_PAYLOAD_KEYS},{PAYLOAD_KEYS}")) as service:
        kept = await secrets_of(service, webhook["id"], NEXT_PAYLOAD_KEYS)
    assert kept == [rotated["secret"], webhook["secret"]]


async def test_there_are_only_so_many_of_them(sealed: Service) -> None:
    for _ in range(MOST_OF_A_TENANT):
        await made(sealed)
    assert_problem(await sealed.post("/webhooks", WEBHOOK), 409, "too-many-webhooks")


async def secrets_of(service: Service, webhook_id: str, keys: str) -> list[str]:
    """Opened with these keys and no others."""
    sealing = Sealing(settings_for(Path("/nowhere"), payload_keys=keys).keys)
    async with service.parts.database.reader() as session:
        row = await Webhooks(session).get("default", webhook_id)
    sealed = [row.sealed_secret, row.sealed_previous_secret]
    return [sealing.open(one, secret_place("default", webhook_id)) for one in sealed if one]
