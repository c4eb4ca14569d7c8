"""The command as people and scripts run it: a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bridge.ports import audio_ports

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)


async def start(*arguments: str, waits_for: str = "") -> Process:
    """`waits_for`: text on stderr after which it is returned."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("BRIDGE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", *arguments),
        cwd=CHECKOUT,
        env=clean | {"BRIDGE_RTP_PORTS": str(audio_ports())},
        # A test run that was begun in the background hands on that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=PIPE,
        stderr=PIPE,
    )
    if waits_for:
        await said(process, waits_for)
    return process


async def said(process: Process, text: str) -> None:
    assert process.stderr is not None
    async with asyncio.timeout(20):
        while line := await process.stderr.readline():
            if text in line.decode():
                return
    raise AssertionError(f"it ended and never said {text!r}")


async def finish(process: Process) -> Ran:
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    assert "Traceback" not in err.decode(), err.decode()
    return Ran(process.returncode, out.decode(), err.decode())


async def run(*arguments: str) -> Ran:
    return await finish(await start(*arguments))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
