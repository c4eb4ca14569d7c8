"""Who goes first where those who are machines of their own in life share the cores of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from bridge.rtp.priority import PriorityRefused, take_real_time_priority


def prefer_this_process() -> bool:
    """As a bridge does with BRIDGE_REAL_TIME_PRIORITY; False where that is refused."""
    try:
        take_real_time_priority()
    except PriorityRefused:
        return False
    return True


def prefer(pids: Iterable[int]) -> bool:
    """The same for all threads of running processes."""
    priority = os.sched_param(1)
    try:
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):  # a thread that is over
                    os.sched_setscheduler(int(task.name), os.SCHED_RR, priority)
    except OSError:
        return False
    return True
