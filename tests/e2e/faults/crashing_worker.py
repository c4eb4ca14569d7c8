"""`python -m tests.e2e.faults.crashing_worker FOLDER STEP...`: a worker that dies after its steps.

After each of these activities has done its work outside, and before Temporal is told, the process
kills itself: once for each step, of which FOLDER keeps the marks.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

import worker_main
from activities.call_log import CallLog


class _Dying(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        done = await super().execute_activity(input)
        mark = FOLDER / activity.info().activity_type
        if mark.name in STEPS and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return done


class _CrashHook(CallLog):
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Dying(super().intercept_activity(next))


if __name__ == "__main__":
    FOLDER, STEPS = Path(sys.argv[1]), set(sys.argv[2:])
    sys.argv[1:] = []
    worker_main.CallLog = _CrashHook  # type: ignore[misc]
    raise SystemExit(worker_main.main())
