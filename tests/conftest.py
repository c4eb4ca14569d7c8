from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.database import Database
from tests.postgres import PostgresServer, postgres_server

# PostgreSQL is a server: `make test-fast` leaves it out.
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.stack))

_HERE = Path(__file__).parent
_MARKS_OF_FOLDERS = {
    # A process for each command.
    _HERE / "cli": pytest.mark.slow,
    # Calls and connections in real time.
    _HERE / "bridge" / "legs": pytest.mark.slow,
    _HERE / "bridge" / "transport": pytest.mark.slow,
    _HERE / "e2e": pytest.mark.real_time,
}
# These say it themselves: most of them judge what became of a call, not its times or sound.
_MARK_THEMSELVES = _HERE / "e2e" / "phone"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for folder, mark in _MARKS_OF_FOLDERS.items():
            if item.path.is_relative_to(folder) and _MARK_THEMSELVES not in item.path.parents:
                item.add_marker(mark)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that wants it leaves an SQLite database at the latest revision."""
    return tmp_path_factory.mktemp("sqlite") / "migrated.db"


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def database_url(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """Of a database of the test's own with its tables, copied from one made once."""
    if database_kind == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        if not await asyncio.to_thread(template.exists):
            await _migrate(template)
        await asyncio.to_thread(shutil.copy, template, tmp_path / "switchboard.db")
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


async def _migrate(file: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{file}")
    await database.migrate()
    await database.aclose()
    # Closing the last connection took the write-ahead log, which is not copied, into the file.
    assert not await asyncio.to_thread(file.with_name(f"{file.name}-wal").exists)
