from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.sealing import Sealing
from store.api_keys import ApiKeys, Role
from store.trunks import Trunks, password_place
from tests.api.service import Service, serve, settings_for

PAYLOAD_KEYS = "test:" + "A" * 43 + "="
NEXT_PAYLOAD_KEYS = "next:" + "B" * 42 + "A="
TRUNK = {"id": "mumbai", "name": "Exotel Mumbai", "preset": "exotel", "host": "sip.exotel.example"}
AUTH = {"username": "acme", "password": "correct horse"}


@pytest.fixture
async def sealed(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path, database_url=database_url, payload_keys=PAYLOAD_KEYS)
    async with serve(settings) as running:
        yield running


async def test_a_preset_fills_in_what_is_left_out(service: Service) -> None:
    created = await service.post("/trunks", TRUNK)
    assert created.status_code == 201
    assert created.headers["Location"] == "http://api.test/trunks/mumbai"
    body = created.json()
    times = {body.pop("created_at"), body.pop("updated_at")}
    assert len(times) == 1
    assert body == {
        "id": "mumbai",
        "name": "Exotel Mumbai",
        "preset": "exotel",
        "kind": "bridge",
        "host": "sip.exotel.example",
        "port": 5070,
        "transport": "tcp",
        "from_number": None,
        "codecs": ["PCMA", "PCMU", "telephone-event"],
        "auth": None,
        "ringing_timeout_seconds": 30,
        "max_concurrent_calls": 10,
        "calls_per_second": 3.0,
        "countries": [],
        "enabled": True,
    }
    assert (await service.get("/trunks/mumbai")).json() == created.json()
    twilio = {"name": "T", "preset": "twilio", "host": "acme.pstn.twilio.com", "transport": "tls"}
    other = (await service.post("/trunks", twilio)).json()
    assert (other["kind"], other["transport"], other["port"]) == ("livekit_sip", "tls", 5061)
    assert other["id"].startswith("trunk_")


async def test_a_trunk_is_changed_replaced_and_deleted(service: Service) -> None:
    await service.post("/trunks", TRUNK | {"countries": ["IN"], "port": 5080})
    changed = await service.client.patch("/trunks/mumbai", json={"enabled": False, "port": None})
    assert changed.status_code == 200
    assert (changed.json()["enabled"], changed.json()["port"]) == (False, 5070)
    assert changed.json()["countries"] == ["IN"]
    replacement = {"name": "PBX", "host": "192.0.2.7", "preset": "asterisk"}
    replaced = (await service.client.put("/trunks/mumbai", json=replacement)).json()
    assert (replaced["host"], replaced["countries"], replaced["enabled"]) == ("192.0.2.7", [], True)
    assert (await service.client.delete("/trunks/mumbai")).status_code == 204
    for method in ("GET", "DELETE", "PATCH"):
        answer = await service.client.request(method, "/trunks/mumbai", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "trunk-not-found")
    answer = await service.client.put("/trunks/mumbai", json=replacement)
    assert answer.status_code == 404


async def test_a_password_goes_in_sealed_and_never_comes_out(sealed: Service) -> None:
    created = await sealed.post("/trunks", TRUNK | {"auth": AUTH})
    assert created.json()["auth"] == {"username": "acme", "password_set": True}
    patch = {"auth": {"username": "acme-2"}}
    changed = await sealed.client.patch("/trunks/mumbai", json=patch)
    assert changed.json()["auth"] == {"username": "acme-2", "password_set": True}
    listed = await sealed.get("/trunks")
    async with sealed.parts.database.reader() as session:
        kept = await Trunks(session).get("default", "mumbai")
        everything = str((await session.execute(text("SELECT * FROM trunks"))).all())
    for shown in (created.text, changed.text, listed.text, everything):
        assert "correct horse" not in shown
    assert kept is not None
    assert kept.sealed_password is not None
    sealing = Sealing(sealed.parts.settings.keys)
    place = password_place("default", "mumbai")
    assert sealing.open(kept.sealed_password, place) == "correct horse"
    gone = await sealed.client.patch("/trunks/mumbai", json={"auth": None})
    assert gone.json()["auth"] is None
    async with sealed.parts.database.reader() as session:
        kept = await Trunks(session).get("default", "mumbai")
    assert kept is not None
    assert kept.sealed_password is None


async def test_a_password_outlives_the_key_that_it_was_sealed_with(
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
        NEXT_PAYLOAD_KEYS,
    ):
        settings = settings_for(tmp_path, database_url=database_url, payload_keys=keys)
        async with serve(settings) as service:
            if not seen:
                await service.post("/trunks", TRUNK | {"auth": AUTH})
            async with service.parts.database.reader() as session:
                kept = await Trunks(session).get("default", "mumbai")
        assert kept is not None
        assert kept.sealed_password is not None
        seen.append(kept)
    first, both, turned, *rest = (trunk.sealed_password for trunk in seen)
    assert first == both
    assert first != turned
    assert rest == [turned] * 3  # one that does not open is left as it is, and stops nobody
    assert len({trunk.updated_at for trunk in seen}) == 1
    after = Sealing(settings.keys)
    assert after.open(turned, password_place("default", "mumbai")) == "correct horse"


async def test_auth_needs_a_password_unless_a_patch_keeps_one(sealed: Service) -> None:
    without = {"auth": {"username": "acme"}}
    first = await sealed.post("/trunks", TRUNK | without)
    await sealed.post("/trunks", TRUNK)
    patched = await sealed.client.patch("/trunks/mumbai", json=without)
    await sealed.client.patch("/trunks/mumbai", json={"auth": AUTH})
    body = {name: value for name, value in TRUNK.items() if name != "id"}
    put = await sealed.client.put("/trunks/mumbai", json=body | without)
    for answer in (first, patched, put):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["body.auth.password"]
    assert (await sealed.get("/trunks/mumbai")).json()["auth"]["username"] == "acme"


async def test_without_payload_keys_a_password_is_refused_not_kept_in_clear(
    service: Service,
) -> None:
    refused = await service.post("/trunks", TRUNK | {"auth": AUTH})
    assert (refused.status_code, refused.json()["code"]) == (409, "no-payload-keys")
    assert (await service.get("/trunks")).json()["items"] == []


async def test_a_repeat_is_answered_alike_and_another_password_is_another_body(
    sealed: Service,
) -> None:
    headers = {"Idempotency-Key": "new-trunk"}
    body = {"name": "T", "host": "sip.example", "auth": AUTH}
    first = await sealed.post("/trunks", body, headers=headers)
    again = await sealed.post("/trunks", body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    other = await sealed.post(
        "/trunks", body | {"auth": AUTH | {"password": "wrong horse"}}, headers=headers
    )
    elsewhere = await sealed.post("/assistants", {"name": "T"}, headers=headers)
    for refused in (other, elsewhere):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert len((await sealed.get("/trunks")).json()["items"]) == 1


async def test_a_refused_request_leaves_its_key_free(service: Service) -> None:
    headers = {"Idempotency-Key": "second-try"}
    await service.post("/trunks", TRUNK)
    taken = await service.post("/trunks", TRUNK, headers=headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "trunk-exists")
    made = await service.post("/trunks", TRUNK | {"id": "delhi"}, headers=headers)
    assert made.status_code == 201
    assert "Idempotent-Replayed" not in made.headers


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "Not A Slug"}, "id"),
        ({"name": ""}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"preset": "acme"}, "preset"),
        ({"preset": ["exotel"]}, "preset"),
        ({"host": ""}, "host"),
        ({"host": "sip:carrier.example"}, "host"),
        ({"host": "https://carrier.example"}, "host"),
        ({"host": "two words"}, "host"),
        ({"host": "carrier.example:5060"}, "host"),
        ({"host": "[2001:db8::1]"}, "host"),
        ({"host": "300.1.1.1"}, "host"),
        ({"host": "-x.example"}, "host"),
        ({"host": "user@carrier.example"}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"transport": "sctp"}, "transport"),
        ({"from_number": "02025550123"}, "from_number"),
        ({"from_number": "+1202"}, "from_number"),
        ({"from_number": "+99912345678"}, "from_number"),
        ({"from_number": "+1911"}, "from_number"),
        ({"from_number": "+19005551234"}, "from_number"),
        ({"codecs": []}, "codecs"),
        ({"codecs": ["opus"]}, "codecs.0"),
        ({"codecs": ["PCMU", "PCMU"]}, "codecs"),
        ({"codecs": ["telephone-event"]}, "codecs"),
        ({"auth": {"password": "x"}}, "auth.username"),
        ({"auth": {"username": "a\r\nb", "password": "x"}}, "auth.username"),
        ({"auth": {"username": "a", "password": ""}}, "auth.password"),
        ({"ringing_timeout_seconds": 4}, "ringing_timeout_seconds"),
        ({"max_concurrent_calls": 0}, "max_concurrent_calls"),
        ({"calls_per_second": 0}, "calls_per_second"),
        ({"countries": ["IN", "XX"]}, "countries.1"),
        ({"countries": ["in"]}, "countries.0"),
        ({"countries": ["IN", "IN"]}, "countries"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_a_malformed_trunk_is_refused_with_the_place_alone(
    service: Service, change: dict[str, Any], field: str
) -> None:
    answer = await service.post("/trunks", TRUNK | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"body.{field}"]
    assert "correct horse" not in answer.text


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1", "carrier.example", "pbx", "a.b.c."])
async def test_a_name_or_an_address_is_a_host(service: Service, host: str) -> None:
    answer = await service.post("/trunks", TRUNK | {"host": host})
    assert (answer.status_code, answer.json()["host"]) == (201, host)


async def test_who_is_no_admin_reads_but_does_not_write(service: Service) -> None:
    await service.post("/trunks", TRUNK)
    for role in (Role.OPERATOR, Role.AUDITOR):
        async with service.parts.database.session() as session:
            key, _ = await ApiKeys(session).issue("default", role, role)
        headers = {"Authorization": f"Bearer {key}"}
        assert (await service.get("/trunks/mumbai", headers=headers)).status_code == 200
        assert (await service.post("/trunks", TRUNK, headers=headers)).status_code == 403
        for method in ("PUT", "PATCH", "DELETE"):
            answer = await service.client.request(
                method, "/trunks/mumbai", json=TRUNK, headers=headers
            )
            assert answer.status_code == 403


async def test_tenants_use_the_same_trunk_id_without_noticing_each_other(service: Service) -> None:
    async with service.parts.database.session() as session:
        key, _ = await ApiKeys(session).issue("other", Role.ADMIN, "theirs")
    theirs = {"Authorization": f"Bearer {key}"}
    await service.post("/trunks", TRUNK)
    assert (await service.get("/trunks/mumbai", headers=theirs)).status_code == 404
    made = await service.post("/trunks", TRUNK | {"name": "Theirs"}, headers=theirs)
    assert made.status_code == 201
    assert (await service.client.delete("/trunks/mumbai", headers=theirs)).status_code == 204
    assert (await service.get("/trunks/mumbai")).json()["name"] == "Exotel Mumbai"


async def test_trunks_are_listed_in_pages(service: Service) -> None:
    for name in ("c", "a", "b"):
        await service.post("/trunks", TRUNK | {"id": name})
    first = (await service.get("/trunks", params={"limit": 2})).json()
    rest = (await service.get("/trunks", params={"cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next_cursor"] is None
