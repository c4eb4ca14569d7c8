from __future__ import annotations

import asyncio
from typing import Any

import pytest

from store.api_keys import ApiKeys, Role
from store.numbers import Numbers
from tests.api.service import Service

NUMBER = "+12025550123"
ROUTE = {"number": NUMBER, "assistant_id": "demo"}
PATH = f"/numbers/{NUMBER}"


@pytest.fixture
async def trunk(service: Service) -> str:
    await service.post("/trunks", {"id": "mumbai", "name": "T", "host": "sip.example"})
    return "mumbai"


async def other_tenant(service: Service) -> dict[str, str]:
    async with service.parts.database.session() as session:
        key, _ = await ApiKeys(session).issue("other", Role.ADMIN, "theirs")
    headers = {"Authorization": f"Bearer {key}"}
    await service.post("/assistants", {"id": "demo", "name": "Theirs"}, headers=headers)
    return headers


async def test_a_number_leads_to_an_assistant_is_changed_and_given_up(
    service: Service, trunk: str
) -> None:
    created = await service.post("/numbers", ROUTE | {"trunk_id": trunk, "label": "Front"})
    assert created.status_code == 201
    assert created.headers["Location"] == f"http://api.test{PATH}"
    body = created.json()
    assert (body["assistant_id"], body["trunk_id"], body["enabled"]) == ("demo", trunk, True)
    assert (await service.get(PATH)).json() == body
    assert (await service.get("/numbers/%2B12025550123")).json() == body
    changed = (await service.client.patch(PATH, json={"enabled": False, "trunk_id": None})).json()
    assert (changed["enabled"], changed["trunk_id"], changed["label"]) == (False, None, "Front")
    async with service.parts.database.reader() as session:
        assert await Numbers(session).called(NUMBER) is None
    replaced = (await service.client.put(PATH, json={"assistant_id": "demo"})).json()
    assert (replaced["enabled"], replaced["label"]) == (True, "")
    async with service.parts.database.reader() as session:
        called = await Numbers(session).called(NUMBER)
    assert called is not None
    assert (called.tenant_id, called.route.assistant_id) == ("default", "demo")
    assert (await service.client.delete(PATH)).status_code == 204
    for method in ("GET", "DELETE", "PATCH", "PUT"):
        answer = await service.client.request(method, PATH, json={"assistant_id": "demo"})
        assert (answer.status_code, answer.json()["code"]) == (404, "number-not-found")


async def test_what_a_number_needs_is_not_deleted_under_it(service: Service, trunk: str) -> None:
    await service.post("/numbers", ROUTE | {"trunk_id": trunk})
    for path, code in (
        ("/assistants/demo", "assistant-in-use"),
        ("/trunks/mumbai", "trunk-in-use"),
    ):
        refused = await service.client.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        assert NUMBER in refused.json()["detail"]
        assert (await service.get(path)).status_code == 200
    await service.client.delete(PATH)
    for path in ("/assistants/demo", "/trunks/mumbai"):
        assert (await service.client.delete(path)).status_code == 204


async def test_a_number_and_the_end_of_its_assistant_at_once_leave_no_dangling_number(
    service: Service,
) -> None:
    for attempt in range(5):
        await service.post("/assistants", {"id": "brief", "name": "Brief"})
        created, deleted = await asyncio.gather(
            service.post("/numbers", ROUTE | {"assistant_id": "brief"}),
            service.client.delete("/assistants/brief"),
        )
        assert (created.status_code, deleted.status_code) in {(201, 409), (422, 204)}, attempt
        await service.client.delete(PATH)
        await service.client.delete("/assistants/brief")


async def test_what_a_number_refers_to_must_be_there_and_ones_own(service: Service) -> None:
    theirs = await other_tenant(service)
    await service.post("/trunks", {"id": "far", "name": "T", "host": "h"}, headers=theirs)
    for change, field in (
        ({"assistant_id": "nobody"}, "assistant_id"),
        ({"trunk_id": "nowhere"}, "trunk_id"),
        ({"trunk_id": "far"}, "trunk_id"),
    ):
        refused = await service.post("/numbers", ROUTE | change)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [f"body.{field}"]
    assert (await service.get("/numbers")).json()["items"] == []
    await service.post("/numbers", ROUTE)
    refused = await service.client.patch(PATH, json={"trunk_id": "nowhere"})
    assert refused.json()["errors"][0]["field"] == "body.trunk_id"


async def test_a_number_is_one_tenants_at_a_time_and_who_has_it_is_not_told(
    service: Service,
) -> None:
    theirs = await other_tenant(service)
    assert (await service.post("/numbers", ROUTE)).status_code == 201
    mine_again = await service.post("/numbers", ROUTE)
    by_them = await service.post("/numbers", ROUTE, headers=theirs)
    assert (by_them.status_code, by_them.json()["code"]) == (409, "number-taken")
    assert by_them.json() == mine_again.json()
    for method in ("GET", "DELETE", "PATCH", "PUT"):
        answer = await service.client.request(
            method, PATH, json={"assistant_id": "demo"}, headers=theirs
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "number-not-found")
    assert (await service.get("/numbers", headers=theirs)).json()["items"] == []
    await service.client.delete(PATH)
    assert (await service.post("/numbers", ROUTE, headers=theirs)).status_code == 201


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "because"),
    [
        ("12025550123", "E.164"),
        ("+1 202 555 0123", "E.164"),
        ("+1202555012x", "E.164"),
        ("", "E.164"),
        ("+1202555", "too short"),
        ("+120255501234567", "too long"),
        ("+99912345678", "code of any country"),
        ("+19005550123", "premium"),
        ("+449098790000", "premium"),
        ("112", "emergency"),
        ("+911", "emergency"),
        ("+1911", "emergency"),
        ("+49112", "emergency"),
        ("+44999", "emergency"),
    ],
)
async def test_a_number_that_cannot_be_ours_is_refused_with_the_reason(
    service: Service, number: str, because: str
) -> None:
    refused = await service.post("/numbers", ROUTE | {"number": number})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "body.number"
    assert because in error["message"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", ["+442079460123", "+918012345678", "+390612345678", "+15551234567", "+4930123456"]
)
async def test_numbers_of_many_countries_are_taken(service: Service, number: str) -> None:
    assert (await service.post("/numbers", ROUTE | {"number": number})).status_code == 201


async def test_a_repeat_is_answered_alike(service: Service) -> None:
    headers = {"Idempotency-Key": "new-number"}
    first = await service.post("/numbers", ROUTE, headers=headers)
    again = await service.post("/numbers", ROUTE, headers=headers)
    other = await service.post("/numbers", ROUTE | {"label": "x"}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_one_key_many_times_at_once_makes_one_number(service: Service) -> None:
    headers = {"Idempotency-Key": "at-once"}
    answers = await asyncio.gather(
        *(service.post("/numbers", ROUTE, headers=headers) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len({answer.text for answer in answers}) == 1


async def test_who_is_no_admin_reads_but_does_not_write(service: Service) -> None:
    await service.post("/numbers", ROUTE)
    for role in (Role.OPERATOR, Role.AUDITOR):
        async with service.parts.database.session() as session:
            key, _ = await ApiKeys(session).issue("default", role, role)
        headers = {"Authorization": f"Bearer {key}"}
        assert (await service.get(PATH, headers=headers)).status_code == 200
        assert (await service.post("/numbers", ROUTE, headers=headers)).status_code == 403
        for method in ("PUT", "PATCH", "DELETE"):
            body: dict[str, Any] = {"assistant_id": "demo"}
            answer = await service.client.request(method, PATH, json=body, headers=headers)
            assert answer.status_code == 403


async def test_numbers_are_listed_in_pages_and_by_assistant(service: Service) -> None:
    await service.post("/assistants", {"id": "bar", "name": "Bar"})
    for number, assistant in (("3", "demo"), ("1", "bar"), ("2", "demo")):
        route = {"number": f"+1202555012{number}", "assistant_id": assistant}
        await service.post("/numbers", route)
    first = (await service.get("/numbers", params={"limit": 2})).json()
    rest = (await service.get("/numbers", params={"cursor": first["next_cursor"]})).json()
    listed = [item["number"] for item in first["items"] + rest["items"]]
    assert listed == [f"+1202555012{number}" for number in "123"]
    by_bar = (await service.get("/numbers", params={"assistant_id": "bar"})).json()["items"]
    assert [item["number"] for item in by_bar] == ["+12025550121"]
