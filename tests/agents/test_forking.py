"""Job processes are forked from what the agent server's process has imported, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_")}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "tests.agents.forking_process", *args],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,  # a busy machine imports livekit in a minute
        check=False,
    )


def test_a_job_is_born_with_what_was_imported_and_with_livekits_settings() -> None:
    ended = _run()
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    left = Path("/dev/shm", told.pop("left"))
    assert told == {
        "born_with": True,
        "origin": True,
        "url": "ws://livekit.example",
        "threads": 1,
        "exit": 0,
        # What it allocates lies in pages of its own, and copies none.
        "in_gaps": 0,
        "tracker_forked": True,
    }
    # The forked tracker does its work: it is the last to go, and `_run` waits for its stderr's end.
    assert "leaked shared_memory" in ended.stderr
    assert not left.exists()


def test_nothing_is_forked_from_a_process_that_has_threads() -> None:
    ended = _run("threads")
    assert json.loads(ended.stdout) == {"forked": False}, ended.stderr
