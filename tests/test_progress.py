"""`python -m tests`: what hangs, and what is left behind, ends and is told."""

from __future__ import annotations

import re

import pytest

from tests.progress import GRACE
from tests.small_suite import suite_of

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


async def test_what_cannot_be_interrupted_fails_alone_and_shows_where_it_stood() -> None:
    ended = await suite_of(_HANGS, **{GRACE: "1"})
    assert ended.code == 1
    assert "ITS PROCESS ENDED WITHIN A TEST" in ended.printed
    assert 'test_some.py", line 7 in test_hangs' in ended.printed
    assert "1 failed, 1 passed, 1 error" in ended.printed  # handed out again, and refused


async def test_a_process_that_outlives_its_test_is_named_and_killed() -> None:
    ended = await suite_of(_LEAVES)
    assert ended.code == 0
    assert "LEFT BEHIND, 1, killed now:\n  sleep 4321\n" in ended.printed


async def test_each_file_is_told_when_it_is_done() -> None:
    ended = await suite_of("def test_good(): assert 1 + 1 == 2\n")
    assert ended.code == 0
    done = rf"^ +\d+:\d\d {re.escape(ended.file)}: 1 in \d+ s \(load [\d.]+\)$"
    assert re.search(done, ended.printed, re.MULTILINE), ended.printed
