"""Processes of a stack: started in a session of their own, found again and ended as a whole tree.

Every one carries a mark in its environment, which its children inherit. A pid is only ever
signalled if its process still carries our mark: numbers are reused, and job processes of an
agent outlive the agent that forked them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack.parts import Part
from sandbox.stack.site import CHECKOUT

MARK = "SWITCHBOARD_PROCESS"
PATIENCE = 10.0  # every part ends within 10 s of SIGTERM (docs/interfaces.md)
# Temporal needs 1 s; LiveKit misses a SIGTERM in its first half second. Both bear SIGKILL.
SERVERS_PATIENCE = 3.0
_LOOK = 0.02


@dataclass(slots=True)
class Process:
    """One started part; `popen` is None for one that an earlier `make up` started."""

    part: Part
    pid: int
    folder: Path
    popen: subprocess.Popen[bytes] | None = None

    def exit_code(self) -> int | None:
        """None while it lives. Only its parent can know the code; others see 0."""
        if self.popen is not None:
            return self.popen.poll()
        return None if _mark_of(self.pid) == mark(self.folder, self.part) else 0

    def send(self, number: signal.Signals) -> None:
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def mark(folder: Path, part: Part) -> str:
    return f"{part}@{folder}"


def start(
    part: Part,
    command: list[str],
    environment: Mapping[str, str],
    *,
    folder: Path,
    log: Path,
    dies_with_us: bool,
) -> Process:
    """`dies_with_us`: the kernel kills it when this process is killed and can no longer do so."""
    log.parent.mkdir(parents=True, exist_ok=True)
    setpriv = shutil.which("setpriv") if dies_with_us else None
    prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    with log.open("ab") as out:
        popen = subprocess.Popen(
            [*prefix, *command],
            cwd=CHECKOUT,
            env={**environment, MARK: mark(folder, part)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Process(part, popen.pid, folder, popen)


def running(folder: Path) -> dict[Part, list[int]]:
    """Every process that carries this folder's marks, the oldest of each part first."""
    marks = {mark(folder, part): part for part in Part}
    found: dict[Part, list[int]] = {}
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        part = marks.get(_mark_of(pid) or "")
        if part is not None:
            found.setdefault(part, []).append(pid)
    return {part: found[part] for part in Part if part in found}


async def end(processes: Iterable[Process], *, patience: float = PATIENCE) -> None:
    """SIGTERM, time to end well, then SIGKILL for whatever is left of each tree."""
    leaders = list(processes)
    for process in leaders:
        process.send(signal.SIGTERM)
    await gone(leaders, patience)
    for folder in {process.folder for process in leaders}:
        await sweep(folder, {process.part for process in leaders if process.folder == folder})
    for process in leaders:
        if process.popen is not None:
            process.popen.wait()  # reaps it; it is dead by now


async def gone(processes: Iterable[Process], patience: float = math.inf) -> None:
    """Return when all have ended, or patience has."""
    waiting = list(processes)
    deadline = time.monotonic() + patience
    while waiting and time.monotonic() < deadline:
        # No event tells of a process that is not our child, so this looks again and again.
        waiting = [process for process in waiting if process.exit_code() is None]
        await asyncio.sleep(_LOOK if waiting else 0)


async def sweep(folder: Path, parts: Iterable[Part]) -> None:
    """Kill everything that carries the marks of these parts, and see it gone."""
    doomed = set(parts)
    while pids := [
        pid for part, found in running(folder).items() if part in doomed for pid in found
    ]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(_LOOK)


def _mark_of(pid: int) -> str | None:
    """The mark of a living process; None for strangers, the dead and zombies (no environment)."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    prefix = f"{MARK}=".encode()
    for item in environment.split(b"\0"):
        if item.startswith(prefix):
            return item.removeprefix(prefix).decode(errors="replace")
    return None
