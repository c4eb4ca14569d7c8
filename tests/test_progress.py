"""`python -m tests`: what hangs, and what is left behind, ends and is told."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.progress import GRACE
from tests.test_second_look import LEAN

pytestmark = pytest.mark.slow

# pytest-timeout's signal never comes, as in native code that does not return.
_HANGS = """
import signal, time, pytest

@pytest.mark.timeout(1)
def test_hangs():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(3600)

def test_good(): assert 1 + 1 == 2
"""
_LEAVES = """
import subprocess

def test_forgetful(): subprocess.Popen(["sleep", "4321"])
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".look-") as name:
        yield Path(name)


async def run_of(folder: Path, text: str) -> tuple[int | None, str]:
    (folder / "test_some.py").write_text(text)
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests", str(folder)),
        env=os.environ | {"PYTEST_ADDOPTS": LEAN, GRACE: "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await run.communicate()
    return run.returncode, printed.decode()


async def test_what_cannot_be_interrupted_fails_alone_and_shows_where_it_stood(
    folder: Path,
) -> None:
    ended, printed = await run_of(folder, _HANGS)
    assert ended == 1
    assert "ITS PROCESS ENDED WITHIN A TEST" in printed
    assert 'test_some.py", line 7 in test_hangs' in printed
    assert "1 failed, 1 passed, 1 error" in printed  # xdist hands it out again: that is refused


async def test_a_process_that_outlives_its_test_is_named_and_killed(folder: Path) -> None:
    ended, printed = await run_of(folder, _LEAVES)
    assert ended == 0
    assert "LEFT BEHIND, 1, killed now:\n  sleep 4321\n" in printed


async def test_each_file_is_told_when_it_is_done(folder: Path) -> None:
    ended, printed = await run_of(folder, "def test_good(): assert 1 + 1 == 2\n")
    assert ended == 0
    done = rf"^ +\d+:\d\d tests/{folder.name}/test_some\.py: 1 in \d+ s \(load [\d.]+\)$"
    assert re.search(done, printed, re.MULTILINE), printed
