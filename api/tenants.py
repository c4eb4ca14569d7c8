"""`python -m api.tenants`: whoever runs the installation makes a tenant, or lets one in again.

A tenant is whatever has a key: the first admin key makes it, and its admins make the others
through `POST /keys`. Works on the database itself, beside running processes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys

from engine.settings import DatabaseSettings
from engine.startup import BAD_SETTINGS, load
from store.api_keys import ApiKeys, Role
from store.database import Database

_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LONGEST_NAME = 64


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(
        prog="python -m api.tenants",
        description="Make an admin key for a tenant, new or old; without a tenant, list them all.",
    )
    options.add_argument("tenant", nargs="?", help="a slug, such as acme")
    options.add_argument("--name", default="first admin", help="who will use the key")
    given = options.parse_args(arguments)
    if given.tenant is not None and _TENANT_ID.fullmatch(given.tenant) is None:
        return _refuse(
            "A tenant is named by 1 to 64 of a-z, 0-9, - and _, a letter or digit first."
        )
    if not 1 <= len(given.name) <= _LONGEST_NAME:
        return _refuse(f"--name takes 1 to {_LONGEST_NAME} characters.")
    settings = load(DatabaseSettings)
    if given.tenant is None:
        asyncio.run(_list(settings.database_url))
    else:
        asyncio.run(_issue(settings.database_url, given.tenant, given.name))
    return 0


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return BAD_SETTINGS


async def _issue(database_url: str, tenant_id: str, name: str) -> None:
    database = Database(database_url)
    await database.migrate()
    async with database.session() as session:
        key, stored = await ApiKeys(session).issue(tenant_id, Role.ADMIN, name)
    await database.aclose()
    print(f"The admin key {stored.id} of tenant {tenant_id}, shown this once:", file=sys.stderr)
    print(key)


async def _list(database_url: str) -> None:
    database = Database(database_url)
    await database.migrate()
    async with database.reader() as session:
        for tenant_id, valid in (await ApiKeys(session).tenants()).items():
            print(f"{tenant_id}\t{valid} valid keys")
    await database.aclose()


if __name__ == "__main__":
    sys.exit(main())
