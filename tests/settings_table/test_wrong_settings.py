"""Every process, started for real with nothing and with something wrong: a sentence, code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from settings_table import PROCESSES, settings_by_process

pytestmark = pytest.mark.slow  # starts each of our processes

CHECKOUT = Path(__file__).parents[2]
COMMANDS = {
    "api": ["-m", "api"],
    "worker": ["worker_main.py"],
    "atlas": ["-m", "agents.atlas"],
    "media-bot": ["-m", "agents.media_bot"],
    "bridge": ["worker_main.py", "--queue", "bridge"],
    "providers": ["-m", "sandbox.providers"],
    "recorder": ["-m", "sandbox.recorder"],
    "sip": ["-m", "sandbox.livekit_sip"],
    "talk": ["-m", "sandbox.talk"],
    "hall": ["-m", "sandbox.hall"],
    "carrier": ["-m", "sandbox.carrier"],
}

NEEDY = [name for name, docs in settings_by_process().items() if any(d.required for d in docs)]
HIDDEN = "hush-hush-hush-hush"


def start(process: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    here = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *COMMANDS[process]],
        cwd=CHECKOUT,
        env=here | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_process_is_left_out() -> None:
    assert COMMANDS.keys() == PROCESSES.keys()


@pytest.mark.parametrize("process", NEEDY)
def test_what_is_missing_is_told_in_one_sentence(process: str) -> None:
    ended = start(process, {})
    assert ended.returncode == 2
    assert ended.stderr.startswith("Cannot start: ")
    assert ended.stderr.count("\n") == 1
    for doc in settings_by_process()[process]:
        assert (f"{doc.name} is missing" in ended.stderr) == (
            doc.required or doc.name == "PAYLOAD_KEYS"
        ), doc.name


@pytest.mark.parametrize("process", COMMANDS)
def test_what_is_malformed_is_named_without_its_value(process: str) -> None:
    docs = settings_by_process()[process]
    wrong = {doc.name for doc in docs if doc.kind in ("whole number", "number")}
    wrong |= {"LOG_LEVEL"}
    given = {doc.name: HIDDEN for doc in docs if doc.required or doc.name in wrong}
    ended = start(process, given)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    for name in wrong:
        assert f"{name} is malformed" in ended.stderr
    assert HIDDEN not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("process", ["api", "atlas"])
def test_a_secret_file_that_is_not_there_is_named(process: str) -> None:
    secrets = [doc.name for doc in settings_by_process()[process] if doc.secret]
    ended = start(process, {f"{secrets[0]}_FILE": f"/nowhere/{HIDDEN}"})
    assert ended.returncode == 2
    assert f"{secrets[0]}_FILE names a file that cannot be read" in ended.stderr
    assert HIDDEN not in ended.stderr
