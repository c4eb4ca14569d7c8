"""A real PostgreSQL for the length of a test session, from the machine's own package."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
from sqlalchemy import make_url

from store.database import Database

_USER = "postgres"  # PostgreSQL refuses to run as root
_SECONDS_TO_START = 60
_ROOM = 2**30  # bytes
# Nothing has to outlive the machine here, and a commit that waits for a disk costs 10 ms.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class PostgresServer:
    """Listens on a socket in `folder` only. Can be stopped and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._binaries = _binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self._has_template = False

    def create(self) -> None:
        initdb = [
            self._binaries / "initdb",
            "-D",
            self._folder / "data",
            "-U",
            _USER,
            "-A",
            "trust",
        ]
        ended = subprocess.run(
            [*_as_user(), *initdb, "-E", "UTF8", "--locale=C", "--no-sync"],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr

    def start(self) -> None:
        settings = [f"-c{setting}" for setting in _FAST]
        address = ["-clisten_addresses=", f"-cunix_socket_directories={self._folder}"]
        postgres = [self._binaries / "postgres", "-D", self._folder / "data"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_user(), *postgres, *settings, *address],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        self._await_answer(self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # ends at once, whoever is connected
            self._process.wait(30)
            self._process = None

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        is_ready = [self._binaries / "pg_isready", "-q", "-h", self._folder]
        while subprocess.run(is_ready, check=False).returncode != 0:
            assert process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://{_USER}@/{name}?host={quote(str(self._folder))}"

    async def empty_database(self) -> str:
        """The URL of a new database without a table."""
        return await self._create("template0")

    async def migrated_database(self) -> str:
        """The URL of a new database at the latest revision, copied from one made once."""
        if not self._has_template:
            await self._create("template0", "migrated")
            database = Database(self.url("migrated"))
            await database.migrate()
            await database.aclose()
            self._has_template = True
        return await self._create("migrated")

    async def _create(self, template: str, name: str | None = None) -> str:
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Each takes 8 MB; hundreds of them would fill a small disk."""
        await self._execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(user=_USER, host=str(self._folder), database=_USER)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    # Outside of pytest's own folders, which are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="switchboard-pg-", dir=_memory()))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER, _USER)
        server = PostgresServer(folder)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    """Where files are made in memory, if there is enough: a database is 300 of them.

    Measured: 20 to 30 ms for a new database there, 220 to 300 ms on this machine's disk.
    """
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shutil.disk_usage(shared).free < _ROOM:
        return None
    return shared


def _binaries() -> Path:
    """The newest that is installed. A failure, not a skip: these tests are part of the suite."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    raise AssertionError("PostgreSQL is not installed: run `make system-packages`.")


def _as_user() -> list[str]:
    # With the tests it dies, however they end.
    setpriv = ["setpriv", "--pdeathsig", "INT"]
    if os.getuid() == 0:
        setpriv += [f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]
    return setpriv
