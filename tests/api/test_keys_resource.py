from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from store.api_keys import ApiKeys, Role
from store.models import ApiKeyRow
from tests.api.service import KEY, Service


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def made(service: Service, **changes: Any) -> dict[str, Any]:
    answer = await service.post("/keys", {"name": "desk", "role": "operator"} | changes)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


async def test_a_key_is_shown_once_opens_what_its_role_may_and_is_kept_as_a_hash(
    service: Service,
) -> None:
    created = await made(service)
    key = created["key"]
    assert key.startswith("sk_sb_")
    assert len(key) == 49
    assert key.startswith(created["prefix"])
    assert (created["role"], created["expires_at"]) == ("operator", None)
    assert (await service.get("/calls", headers=bearer(key))).status_code == 200
    assert (await service.get("/keys", headers=bearer(key))).status_code == 403
    listed = await service.get("/keys")
    assert key not in listed.text
    newest = listed.json()["items"][0]
    assert (newest["id"], newest["name"]) == (created["id"], "desk")
    async with service.parts.database.reader() as session:
        for table in ("api_keys", "idempotency_keys"):
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
            assert key not in str(rows)


async def test_a_revoked_key_is_refused_at_once_and_revoking_again_changes_nothing(
    service: Service,
) -> None:
    created = await made(service)
    path, headers = f"/keys/{created['id']}", bearer(created["key"])
    assert (await service.client.delete(path)).status_code == 204
    assert (await service.get("/calls", headers=headers)).status_code == 401
    revoked = (await service.get("/keys")).json()["items"][0]["revoked_at"]
    assert revoked is not None
    assert (await service.client.delete(path)).status_code == 204
    assert (await service.get("/keys")).json()["items"][0]["revoked_at"] == revoked
    unknown = await service.client.delete("/keys/key_0000000000000000")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "key-not-found")


async def test_a_key_opens_nothing_from_its_expiry_on(service: Service) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    created = await made(service, expires_at=soon.isoformat())
    assert datetime.fromisoformat(created["expires_at"]) == soon
    headers = bearer(created["key"])
    assert (await service.get("/calls", headers=headers)).status_code == 200
    async with service.parts.database.session() as session:
        past = update(ApiKeyRow).where(ApiKeyRow.id == created["id"])
        await session.execute(past.values(expires_at=datetime.now(UTC)))
    refused = await service.get("/calls", headers=headers)
    assert refused.status_code == 401
    assert "expired" in refused.json()["detail"]


async def test_the_last_valid_admin_key_stays(service: Service) -> None:
    first = (await service.get("/keys")).json()["items"][0]
    assert (first["name"], first["prefix"]) == ("bootstrap", "")
    await made(service)  # an operator's key is no help
    expired = await made(
        service, role="admin", expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat()
    )
    async with service.parts.database.session() as session:
        past = update(ApiKeyRow).where(ApiKeyRow.id == expired["id"])
        await session.execute(past.values(expires_at=datetime.now(UTC)))
    refused = await service.client.delete(f"/keys/{first['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last-admin-key")
    second = await made(service, role="admin")
    assert (await service.client.delete(f"/keys/{first['id']}")).status_code == 204
    assert (await service.get("/keys")).status_code == 401
    assert (await service.get("/keys", headers=bearer(second["key"]))).status_code == 200


async def test_an_admin_key_that_expires_does_not_stand_in_for_the_last_that_does_not(
    service: Service,
) -> None:
    first = (await service.get("/keys")).json()["items"][0]
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    brief = [await made(service, role="admin", expires_at=soon) for _ in range(2)]
    refused = await service.client.delete(f"/keys/{first['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last-admin-key")
    assert "expires_at" in refused.json()["detail"]
    assert (await service.client.delete(f"/keys/{brief[0]['id']}")).status_code == 204
    async with service.parts.database.session() as session:  # a tenant with none that stays
        shorter = update(ApiKeyRow).where(ApiKeyRow.id == first["id"])
        await session.execute(shorter.values(expires_at=datetime.now(UTC) + timedelta(hours=1)))
    assert (await service.client.delete(f"/keys/{brief[1]['id']}")).status_code == 204
    refused = await service.client.delete(f"/keys/{first['id']}")
    assert refused.status_code == 409


async def test_two_admins_cannot_revoke_each_other_at_once(service: Service) -> None:
    first = (await service.get("/keys")).json()["items"][0]
    second = await made(service, role="admin")
    answers = await asyncio.gather(
        service.client.delete(f"/keys/{second['id']}"),
        service.client.delete(f"/keys/{first['id']}", headers=bearer(second["key"])),
    )
    statuses = sorted(answer.status_code for answer in answers)
    # The slower one is refused: as the last admin, or because its own key is gone.
    assert statuses[0] == 204
    assert statuses[1] in (401, 409)


async def test_a_repeat_makes_no_second_key_and_names_the_first(service: Service) -> None:
    headers = {"Idempotency-Key": "new-key"}
    body = {"name": "desk", "role": "operator"}
    first = await service.post("/keys", body, headers=headers)
    again = await service.post("/keys", body, headers=headers)
    other = await service.post("/keys", body | {"role": "admin"}, headers=headers)
    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "key-shown-once")
    assert first.json()["id"] in again.json()["detail"]
    assert first.json()["key"] not in again.text
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len((await service.get("/keys")).json()["items"]) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"role": "king"}, "role"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:00"}, "expires_at"),
        ({"expires_at": "2027-01-01T00:00:00"}, "expires_at"),
        ({"tenant_id": "other"}, "tenant_id"),
    ],
)
async def test_a_malformed_key_is_refused_with_the_place(
    service: Service, change: dict[str, Any], field: str
) -> None:
    answer = await service.post("/keys", {"name": "desk", "role": "operator"} | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"body.{field}"]


async def test_keys_are_listed_in_pages_and_only_ones_own(service: Service) -> None:
    async with service.parts.database.session() as session:
        foreign, _ = await ApiKeys(session).issue("other", Role.ADMIN, "theirs")
    ids = [(await made(service, name=f"k{number}"))["id"] for number in range(4)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await service.get("/keys", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen[:4] == ids[::-1]
    assert len(seen) == 5  # and the bootstrap key
    assert cursor is None
    theirs = (await service.get("/keys", headers=bearer(foreign))).json()["items"]
    assert [item["name"] for item in theirs] == ["theirs"]
    refused = await service.client.delete(f"/keys/{ids[0]}", headers=bearer(foreign))
    assert refused.status_code == 404
    assert (await service.get("/keys", headers=bearer(KEY))).status_code == 200
    wrong = await service.get("/keys", params={"cursor": "eA=="})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad-cursor")
