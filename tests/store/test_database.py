from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from contract.errors import SettingsError, Unavailable
from store.calls import Calls
from store.database import Database
from tests.postgres import PostgresServer
from tests.store.calls import new_call

pytestmark = pytest.mark.slow  # waits until silence counts as away

ROOT = Path(__file__).parents[2]


async def test_two_processes_may_migrate_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/new.db"
    program = (
        "import asyncio, sys; from store.database import Database\n"
        "async def main():\n"
        "    database = Database(sys.argv[1]); await database.migrate(); await database.aclose()\n"
        "asyncio.run(main())"
    )
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, cwd=ROOT)
        for _ in range(2)
    ]
    assert [await process.wait() for process in processes] == [0, 0]
    database = Database(url)
    await database.migrate()
    async with database.reader() as session:
        assert await Calls(session).open_calls() == []
    await database.aclose()


async def test_sqlite_is_set_up_for_many_processes(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/a name with 100% spaces.db")
    await database.migrate()
    async with database.reader() as session:
        settings = [
            await session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    assert settings == ["wal", 1, 10_000]
    await database.aclose()


async def test_writers_of_two_pools_wait_for_each_other(database: Database) -> None:
    other = Database(database.engine.url.render_as_string(hide_password=False))

    async def insert(through: Database) -> None:
        async with through.session() as session:
            await Calls(session).insert(new_call())

    await asyncio.gather(*(insert(through) for through in [database, other] * 20))
    async with other.reader() as session:
        assert len(await Calls(session).open_calls()) == 40
    await other.aclose()


async def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.session() as writer:
        await Calls(writer).insert(new_call())
        async with asyncio.timeout(4), database.reader() as reader:
            assert await Calls(reader).open_calls() == []


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.session() as session:
            await Calls(session).insert(new_call())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    async with database.reader() as session:
        assert await Calls(session).open_calls() == []


async def test_a_postgresql_that_takes_connections_and_keeps_silent_is_away() -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(keep_silent, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        database = Database(f"postgresql+asyncpg://nobody@{host}:{port}/nothing")
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                await database.ping()
            with pytest.raises(Unavailable):
                await database.migrate()
        await database.aclose()


async def test_a_statement_that_postgresql_does_not_answer_ends_and_harms_no_other(
    postgres: PostgresServer,
) -> None:
    url = await postgres.migrated_database()
    database = Database(url, pool_size=1, statement_seconds=0.5)
    for _ in range(2):
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                async with database.session() as session:
                    await session.execute(text("SELECT pg_sleep(60)"))
        await database.ping()
    async with database.migrating() as connection:
        await connection.execute(text("SELECT pg_sleep(1)"))
    await database.aclose()
    await postgres.drop(url)


async def test_a_postgresql_that_falls_silent_is_away_and_comes_back(
    postgres: PostgresServer,
) -> None:
    url = await postgres.migrated_database()
    database = Database(url, statement_seconds=0.5)
    async with database.reader() as session:
        process = await session.scalar(text("SELECT pg_backend_pid()"))
    os.kill(process, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                await database.ping()
        await database.ping()  # over a new connection
    finally:
        os.kill(process, signal.SIGCONT)
    await database.aclose()
    await postgres.drop(url)


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite:///x.db", "mysql://user:secret@host/x"])
def test_a_wrong_url_is_one_sentence_without_the_url(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL must start with") as refused:
        Database(url)
    assert "secret" not in str(refused.value)
