from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from store.api_keys import ApiKeys, Role
from store.database import Database
from tests.api.service import Service, serve, settings_for

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).parents[2]


async def tenants(database_url: str | None, *arguments: str) -> tuple[int, str, str]:
    environment = {"PATH": os.environ["PATH"]}
    if database_url is not None:
        environment["DATABASE_URL"] = database_url
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.tenants", *arguments),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_a_tenant_is_made_beside_a_running_api_and_makes_its_own_keys(
    tmp_path: Path, database_url: str
) -> None:
    async with serve(settings_for(tmp_path, database_url=database_url)) as service:
        code, key, said = await tenants(database_url, "acme", "--name", "Ada")
        assert (code, key.startswith("sk_sb_")) == (0, True)
        assert "shown this once" in said
        headers = {"Authorization": f"Bearer {key.strip()}"}
        listed = (await service.get("/keys", headers=headers)).json()["items"]
        assert [(item["name"], item["role"]) for item in listed] == [("Ada", "admin")]
        assert (await service.get("/assistants", headers=headers)).json()["items"] == []
        made = await service.post("/keys", {"name": "x", "role": "auditor"}, headers=headers)
        assert made.status_code == 201
        code, told, _ = await tenants(database_url)
        assert (code, told) == (0, "acme\t2 valid keys\ndefault\t1 valid keys\n")


async def test_a_tenant_that_locked_itself_out_is_let_in_again(service: Service) -> None:
    url = service.parts.settings.database_url
    async with service.parts.database.session() as session:
        await ApiKeys(session).revoke("test-key-of-the-default-tenant")
    assert (await service.get("/keys")).status_code == 401
    _, key, _ = await tenants(url, "default")
    headers = {"Authorization": f"Bearer {key.strip()}"}
    assert (await service.get("/assistants/demo", headers=headers)).status_code == 200


async def test_on_an_empty_database_the_tables_come_first(empty_database_url: str) -> None:
    code, key, _ = await tenants(empty_database_url, "acme")
    assert code == 0
    database = Database(empty_database_url)
    async with database.reader() as session:
        principal = await ApiKeys(session).principal(key.strip())
    await database.aclose()
    assert principal is not None
    assert (principal.tenant_id, principal.role) == ("acme", Role.ADMIN)


@pytest.mark.parametrize(
    ("arguments", "because"),
    [(["Not A Slug"], "A tenant is named by"), (["acme", "--name", ""], "--name takes")],
)
async def test_a_wrong_word_is_one_sentence(arguments: list[str], because: str) -> None:
    code, out, said = await tenants("sqlite+aiosqlite:////nowhere/x.db", *arguments)
    assert (code, out) == (2, "")
    assert said.startswith(because)


async def test_without_a_database_the_setting_is_named() -> None:
    code, _, said = await tenants(None, "acme")
    assert (code, said) == (2, "Cannot start: DATABASE_URL is missing.\n")
