from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer, postgres_server

# PostgreSQL is a server: `make test-fast` leaves it out.
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.stack))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def database_url(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """Of a database of the test's own; PostgreSQL's has its tables already."""
    if database_kind == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/switchboard.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await server.migrated_database()
    yield url
    await server.drop(url)


@pytest.fixture
async def empty_database_url(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """Of a database of the test's own, without a table."""
    if database_kind == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await server.empty_database()
    yield url
    await server.drop(url)
