"""The database, SQLite or PostgreSQL by URL: connections, transactions, migrations."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Connection, Dialect, event, text
from sqlalchemy.engine import AdaptedConnection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.util.concurrency import await_, in_greenlet

from contract.errors import SettingsError, Unavailable
from store.schema import upgrade

_BUSY_TIMEOUT_MS = 10_000  # other processes write too; one transaction takes milliseconds
_LOOK_EVERY_MS = 2
# A PostgreSQL that takes a connection and says nothing is as good as away.
_CONNECT_SECONDS = 3.0
_POOL_SECONDS = 3.0
_STATEMENT_SECONDS = 10.0  # as long as SQLite's writers wait for each other
_READING, _WRITING = "BEGIN", "BEGIN IMMEDIATE"
_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")


class Database:
    """Opens transactions. One per process and event loop."""

    def __init__(
        self, url: str, *, pool_size: int = 8, statement_seconds: float = _STATEMENT_SECONDS
    ) -> None:
        """PostgreSQL has `statement_seconds` for each statement; SQLite never keeps silent."""
        self._is_sqlite = check_url(url) == "sqlite+aiosqlite"
        patience: dict[str, Any] = {}
        if not self._is_sqlite:
            limits = {"timeout": _CONNECT_SECONDS, "command_timeout": statement_seconds}
            patience = {"pool_timeout": _POOL_SECONDS, "connect_args": limits}
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # PostgreSQL may have been restarted since: no request is to learn of it by failing.
            pool_pre_ping=not self._is_sqlite,
            hide_parameters=True,  # what a caller said must not reach a log through an error
            **patience,
        )
        if self._is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            dialect: Any = self.engine.sync_engine.dialect
            dialect.do_terminate = _give_up_sqlite
        else:
            event.listen(self.engine.sync_engine, "do_connect", _connect_postgresql)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._readers = async_sessionmaker(
            self.engine.execution_options(sqlite_begin=_READING), expire_on_commit=False
        )
        # SQLite has one writer at a time and lets the others poll; queueing them here is fair
        # and wakes the next one at once.
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One writing transaction: committed at the end, rolled back on every exception."""
        async with AsyncExitStack() as stack:
            stack.enter_context(_silence_is_unavailable())
            if self._is_sqlite:
                await stack.enter_async_context(self._writing)
            yield await stack.enter_async_context(self._sessions.begin())

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[AsyncSession]:
        """One reading transaction: a snapshot that neither waits for writers nor holds them up."""
        with _silence_is_unavailable():
            async with self._readers() as session:
                yield session

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to date, or up to one revision. Several processes may do it at
        once."""
        async with self.migrating() as connection:
            if not self._is_sqlite:  # SQLite's BEGIN IMMEDIATE is the lock already
                await connection.execute(text("SELECT pg_advisory_xact_lock(72615397)"))
            await connection.run_sync(upgrade, revision)

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """One transaction whose statements take as long as they must."""
        engine = self.engine
        if not self._is_sqlite:
            limits = {"timeout": _CONNECT_SECONDS}
            engine = create_async_engine(engine.url, hide_parameters=True, connect_args=limits)
            event.listen(engine.sync_engine, "do_connect", _connect_postgresql)
        try:
            async with engine.connect() as connection, connection.begin():
                yield connection
        finally:
            if engine is not self.engine:
                await engine.dispose()

    async def ping(self) -> None:
        async with self.reader() as session:
            await session.execute(text("SELECT 1"))

    async def aclose(self) -> None:
        await self.engine.dispose()


def check_url(url: str) -> str:
    """The driver that a database URL names. Raises SettingsError without repeating the URL."""
    try:
        driver = make_url(url).drivername
    except ArgumentError:
        driver = ""
    if driver not in _DRIVERS:
        raise SettingsError(f"DATABASE_URL must start with {' or '.join(_DRIVERS)}.")
    return driver


@contextmanager
def _silence_is_unavailable() -> Iterator[None]:
    try:
        yield
    except TimeoutError as silence:
        # asyncpg's, of a statement: SQLAlchemy wraps only what the driver calls an error.
        raise Unavailable("The database does not answer.") from silence


def _connect_postgresql(
    dialect: Dialect, _record: object, arguments: Sequence[Any], options: dict[str, Any]
) -> object:
    try:
        return dialect.connect(*arguments, **options)
    except (OSError, asyncpg.PostgresError) as error:
        # Not wrapped by SQLAlchemy: whatever the network or a server that starts up says.
        raise Unavailable("The database does not answer.") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: BEGIN is ours to choose (below).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    _switch_to_wal(cursor)
    # WAL with NORMAL survives every death of a process; only a power cut may lose the last commits.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    # Changing the mode takes an exclusive lock that ignores busy_timeout, so two processes that
    # open a new file together have to try again.
    for attempt in range(50):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if attempt == 49:
                raise
            time.sleep(0.02)


def _give_up_sqlite(connection: AdaptedConnection) -> None:
    # Whoever follows a call's events and leaves, cancels a statement now and then. SQLAlchemy then
    # closes the connection twice at once, and aiosqlite waits for ever for the second one: tasks
    # that no loop can end, a process that SIGTERM does not end.
    driver: Any = connection.driver_connection
    if in_greenlet():
        await_(asyncio.shield(driver.close()))
    else:
        driver.stop()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer later cannot wait for it and
    # fails with "database is locked".
    if connection.get_execution_options().get("sqlite_begin") == _READING:
        connection.exec_driver_sql(_READING)
        return
    cursor = connection.connection.cursor()
    # SQLite's own waiting sleeps longer and longer, up to 100 ms, so that who has waited longest
    # comes last (p99 above 1 s with five busy processes). Here all look equally often.
    cursor.execute(f"PRAGMA busy_timeout={_LOOK_EVERY_MS}")
    try:
        if not _begin_writing(cursor):
            cursor.execute("PRAGMA busy_timeout=0")
            connection.exec_driver_sql(_WRITING)  # fails once more, in SQLAlchemy's words
    finally:
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        cursor.close()


def _begin_writing(cursor: Any) -> bool:
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        try:
            cursor.execute(_WRITING)
            return True
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                return False
    return False
