"""An agent server in small: one process that forks jobs, which tell what they were born with."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from multiprocessing import forkserver
from multiprocessing.connection import Connection

from agents.forking import fork_jobs_from_here

MODULE = "wave"  # which nothing else here imports


def job(there: Connection) -> None:
    there.send(
        {
            "born_with": MODULE in sys.modules,
            "origin": os.getppid(),
            "url": os.environ.get("LIVEKIT_URL"),
            "threads": threading.active_count(),
        }
    )


def main() -> None:
    if sys.argv[1:] == ["threads"]:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    forked = fork_jobs_from_here([MODULE], {"LIVEKIT_URL": "ws://livekit.example"})
    if not forked:
        print(json.dumps({"forked": False}))
        return
    origin = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=job, args=(there,))
    process.start()
    told = here.recv()
    process.join()
    print(json.dumps({**told, "origin": told["origin"] == origin, "exit": process.exitcode}))


if __name__ == "__main__":
    main()
