"""Processes that outlive the run of tests which started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PATIENCE = 10.0  # s, for what is already on its way out


def adopt_orphans() -> None:
    """What loses its parent below this process becomes its child (Linux; elsewhere nothing is)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def call(command: Sequence[str]) -> int:
    """As subprocess.call, which would leave adopted children zombies that still look alive."""
    run = subprocess.Popen(command)
    while True:
        pid, status = os.wait()
        if pid == run.pid:
            run.returncode = os.waitstatus_to_exitcode(status)
            return run.returncode


def end_leftovers() -> list[str]:
    """Command lines of what still ran and had to be killed."""
    until = time.monotonic() + _PATIENCE
    while _children() and time.monotonic() < until:
        _reap()
        time.sleep(0.1)
    killed: list[str] = []
    while children := _children():  # the children of a killed one come next
        for pid in children:
            killed.append(_command_of(pid))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        _reap()
    return [command for command in killed if command]


def _children() -> list[int]:
    """That are no zombies."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (name) state parent …": a name may hold anything, so from its last bracket on.
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append(int(status.parent.name))
    return found


def _command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    return ""


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
