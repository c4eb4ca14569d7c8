"""One SIPp process that plays one scenario once: an independent judge of the bridge."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bridge.sipp.script import Role, scenario
from tests.bridge.sipp.trace import Trace

SIPP = shutil.which("sipp")
_HOST = "127.0.0.1"
# Below what stacks take (sandbox/stack/ports.py), above tests' audio (tests/bridge/ports.py).
# Each process of a test run has its own share: a port that is free when we look is so for SIPp.
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_SHARES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_FIRST = range(16_010 + 10 * _SHARE, 19_990, 10 * _SHARES)
_TENS = itertools.cycle(random.sample(_FIRST, len(_FIRST)))


class Sipp:
    """As carrier it waits for one call; as caller it places one. `passed` is the verdict."""

    def __init__(self, name: str, transport: str, folder: Path, port: int) -> None:
        self.name, self.transport, self.port = name, transport, port
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def uri(self) -> str:
        return f"sip:+919876543210@{_HOST}:{self.port};transport={self.transport}"

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        role: Role,
        name: str,
        transport: str,
        folder: Path,
        *,
        bridge: int = 0,
        exact: bool = False,
        fill: dict[str, str] | None = None,
    ) -> AsyncIterator[Sipp]:
        """`bridge` is the port that a caller calls. `exact`: repeated messages are messages, for
        scenarios that ask for them; else SIPp overlooks them on UDP."""
        sipp = cls(name, transport, folder, free_ports())
        try:
            await sipp._start(role, bridge, exact, fill or {})
            yield sipp
        finally:
            await sipp._end()

    async def passed(self, patience: float = 30.0) -> Trace:
        """Returns what SIPp saw; AssertionError with all of it when the scenario failed."""
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            raise AssertionError(f"SIPp did not end.\n{self.story()}") from None
        assert code == 0, f"SIPp says {code}.\n{self.story()}"
        return Trace.parse(self._read("messages"))

    def story(self) -> str:
        """What SIPp saw and what it did not like."""
        texts = [f"{part}:\n{self._read(part)[-12000:]}" for part in ("messages", "errors")]
        return "\n".join([f"Scenario {self.name} over {self.transport}.", *texts])

    async def _start(self, role: Role, bridge: int, exact: bool, fill: dict[str, str]) -> None:
        assert SIPP is not None, "SIPp is missing: as root, make system-packages"
        file = self._folder / "scenario.xml"
        file.write_text(scenario(role, self.name, fill), encoding="latin-1")
        arguments = [f"{_HOST}:{bridge}"] if role == "caller" else []
        arguments += ["-sf", str(file), "-m", "1", "-l", "1", "-t", f"{self.transport[0]}1"]
        arguments += ["-i", _HOST, "-p", str(self.port), "-mi", _HOST, "-mp", str(self.port + 2)]
        arguments += [
            "-s",
            "+15550100",
            "-nostdin",
            "-rtp_echo",
            "-recv_timeout",
            "12000",
            "-timeout",
            "25",
        ]
        arguments += ["-timeout_error", "-trace_msg", "-message_file", self._path("messages")]
        arguments += ["-trace_err", "-error_file", self._path("errors"), "-cp", str(self.port + 9)]
        # As caller on UDP it must not repeat what the bridge answers only after a while.
        arguments += ["-nr"] if exact or role == "caller" else []
        self._process = await asyncio.create_subprocess_exec(
            SIPP,
            *arguments,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=(self._folder / "errors").open("wb"),
        )
        if role == "carrier":
            heard = await is_heard(self.transport, self.port, self._process)
            assert heard, f"SIPp left.\n{self.story()}"

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _path(self, name: str) -> str:
        return str(self._folder / name)

    def _read(self, name: str) -> str:
        file = self._folder / name
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def free_ports() -> int:
    """The first of ten in a row that nobody has: SIPp takes some for media and control, too."""
    while True:
        first = next(_TENS)
        if all(_is_free(first + step) for step in range(10)):
            return first


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                return False
    return True


async def is_heard(
    transport: str, port: int, process: asyncio.subprocess.Process, patience: float = 20.0
) -> bool:
    """Whether the process got as far as listening there."""
    for _ in range(int(patience / 0.01)):
        if listens(transport, port):
            return True
        if process.returncode is not None:
            break
        await asyncio.sleep(0.01)
    return False


def listens(transport: str, port: int) -> bool:
    """Whether somebody does, without saying a word to them (Linux)."""
    wanted, state = f":{port:04X}", "0A" if transport == "tcp" else "07"
    lines = Path(f"/proc/net/{transport}").read_text(encoding="ascii").splitlines()[1:]
    fields = (line.split() for line in lines)
    return any(field[1].endswith(wanted) and field[3] == state for field in fields)
