from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux' scheduler")

_TAKES = """
import os, resource, sys, threading
from bridge.rtp.priority import PriorityRefused, take_real_time_priority
if "denied" in sys.argv:
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    take_real_time_priority()
except PriorityRefused as refused:
    raise SystemExit(str(refused))
seen = []
thread = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
thread.start(), thread.join()
print(os.sched_getscheduler(0) == os.SCHED_RR, seen == [os.SCHED_RR])
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-c", _TAKES, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_process_takes_it_with_all_its_threads() -> None:
    took = _run()
    if took.returncode:  # not everybody may
        assert "SYS_NICE" in took.stderr
        pytest.skip(took.stderr)
    assert took.stdout.split() == ["True", "True"]


@pytest.mark.skipif(sys.platform == "linux" and os.geteuid() != 0, reason="root alone may give up")
def test_whoever_may_not_is_told_what_it_takes() -> None:
    refused = _run("denied")
    assert refused.returncode == 1
    assert "(Operation not permitted)" in refused.stderr
    assert "SYS_NICE" in refused.stderr
