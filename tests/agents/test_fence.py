from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from agents.fence import FROZEN_EXIT_CODE, FreezeDetector, SelfFence


def test_ordinary_pauses_are_not_a_freeze() -> None:
    detector = FreezeDetector(3.0, monotonic=100.0, wall=5000.0)
    assert detector.frozen_for(100.05, 5000.05) is None
    assert detector.frozen_for(103.0, 5002.9) is None


def test_a_stopped_process_sees_the_monotonic_clock_jump() -> None:
    detector = FreezeDetector(3.0, monotonic=100.0, wall=5000.0)
    assert detector.frozen_for(103.2, 5003.2) == pytest.approx(3.2)


def test_a_suspended_machine_sees_only_the_wall_clock_jump() -> None:
    detector = FreezeDetector(3.0, monotonic=100.0, wall=5000.0)
    assert detector.frozen_for(100.05, 5030.0) == pytest.approx(30.0)


def test_a_wall_clock_set_back_is_no_freeze() -> None:
    detector = FreezeDetector(3.0, monotonic=100.0, wall=5000.0)
    assert detector.frozen_for(100.05, 1000.0) is None
    assert detector.frozen_for(100.1, 1000.05) is None


def test_the_thread_fires_on_a_jump_and_ends_on_close() -> None:
    jumped = threading.Event()
    clock = iter([0.0, 10.0] + [10.0] * 1000)
    fence = SelfFence(
        on_frozen=lambda _: jumped.set(), monotonic=lambda: next(clock), wall=lambda: 0.0
    )
    fence.start()
    assert jumped.wait(10.0)
    fence.aclose()
    assert "self_fence" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.stack
def test_a_frozen_process_leaves_the_moment_it_wakes() -> None:
    program = (
        "import time; from agents.fence import SelfFence; SelfFence(limit=0.5).start();"
        "print('up', flush=True); time.sleep(30)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(1.0)
        woken = time.monotonic()
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(5) == FROZEN_EXIT_CODE
        assert time.monotonic() - woken < 5.0  # and not the 30 s that it wanted to sleep
