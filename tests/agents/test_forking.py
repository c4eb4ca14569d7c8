"""Job processes are forked from what the agent server's process has imported, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_")}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "tests.agents.forking_process", *args],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_job_is_born_with_what_was_imported_and_with_livekits_settings() -> None:
    ended = _run()
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "born_with": True,
        "origin": True,
        "url": "ws://livekit.example",
        "threads": 1,
        "exit": 0,
    }


def test_nothing_is_forked_from_a_process_that_has_threads() -> None:
    ended = _run("threads")
    assert json.loads(ended.stdout) == {"forked": False}, ended.stderr
