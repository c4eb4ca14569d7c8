"""An agent server in small: one process that forks jobs, which tell what they were born with."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import livekit.agents.ipc._preload  # noqa: F401  # which would fill the gaps

from agents.forking import fork_jobs_from_here

MODULE = "wave"  # which nothing else here imports
kept: list[bytes] = []
_SIZE = 1000  # bytes: more than what Python has pools for itself


def make_gaps() -> set[int]:
    """Returns where something could be put."""
    objects = [bytes(_SIZE) for _ in range(1000)]
    kept.extend(objects[::2])
    return set(map(id, objects[1::2]))


def job(there: Connection, gaps: set[int]) -> None:
    new = [bytes(_SIZE) for _ in range(300)]
    there.send(
        {
            "born_with": MODULE in sys.modules,
            "origin": os.getppid(),
            "url": os.environ.get("LIVEKIT_URL"),
            "threads": threading.active_count(),
            "in_gaps": len(gaps.intersection(map(id, new))),
        }
    )


def main() -> None:
    if sys.argv[1:] == ["threads"]:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    gaps = make_gaps()
    forked = fork_jobs_from_here([MODULE], {"LIVEKIT_URL": "ws://livekit.example"})
    if not forked:
        print(json.dumps({"forked": False}))
        return
    origin = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=job, args=(there, gaps))
    process.start()
    told = here.recv()
    process.join()
    tracker = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    print(
        json.dumps(
            {
                **told,
                "origin": told["origin"] == origin,
                "exit": process.exitcode,
                "tracker_forked": _command_of(tracker) == _command_of(os.getpid()),
                "left": SharedMemory(create=True, size=1).name,  # which nobody unlinks
            }
        )
    )


def _command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


if __name__ == "__main__":
    main()
