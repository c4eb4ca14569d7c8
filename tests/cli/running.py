"""The command line as people and scripts run it: a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
LAUNCHER = CHECKOUT / "switchboard"
OURS = ("SWITCHBOARD_", "API_URL", "API_KEY", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """stdout, which must be one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


async def start(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    launcher: Path = LAUNCHER,
) -> asyncio.subprocess.Process:
    clean = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
    return await asyncio.create_subprocess_exec(
        str(launcher),
        *arguments,
        env=clean | dict(environment or {}),
        cwd=cwd or CHECKOUT,
        # A test run that was begun in the background hands on that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(process: asyncio.subprocess.Process, stdin: str = "", limit: float = 60) -> Ran:
    try:
        async with asyncio.timeout(limit):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
    assert process.returncode is not None
    assert "Traceback" not in err.decode(), err.decode()
    return Ran(process.returncode, out.decode(), err.decode())


async def run(*arguments: str, stdin: str = "", limit: float = 60, **options: Any) -> Ran:
    return await finish(await start(*arguments, **options), stdin, limit)
