"""An upgrade under live calls, step by step as docs/deploy.md tells it, on real Temporal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from temporalio.client import WorkflowExecutionStatus

from contract.identity import ROOM_WATCH_WORKFLOW_ID
from sandbox.stack import Stack, servers
from sandbox.stack.processes import MARK
from sandbox.stack.site import CHECKOUT
from tests.e2e.switchboard import Switchboard, WebCall, eventually

pytestmark = pytest.mark.stack

DEPLOYMENT = "switchboard"


async def temporal(switchboard: Switchboard, *words: str) -> str:
    """The command line that an operator has."""
    here = switchboard.description
    done = await asyncio.to_thread(
        subprocess.run,
        [servers.temporal(), *words],
        env=os.environ
        | {
            "TEMPORAL_ADDRESS": here.temporal_address,
            "TEMPORAL_NAMESPACE": here.temporal_namespace,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, f"temporal {' '.join(words)}: {done.stderr}"
    return done.stdout


async def make_current(switchboard: Switchboard, build: str) -> None:
    command = ("worker", "deployment", "set-current-version", "--deployment-name", DEPLOYMENT)
    await temporal(switchboard, *command, "--build-id", build, "--yes")


async def open_workflows(switchboard: Switchboard, build: str) -> int:
    """How many would be left without a worker if this build were ended now."""
    query = f"TemporalWorkerDeploymentVersion = '{DEPLOYMENT}:{build}'"
    query += " AND ExecutionStatus = 'Running' AND TemporalWorkflowVersioningBehavior = 'Pinned'"
    return (await switchboard.temporal.count_workflows(query)).count


async def builds_of(switchboard: Switchboard, workflow_id: str) -> set[str]:
    """The builds that carried on this workflow, by its history."""
    history = await switchboard.temporal.get_workflow_handle(workflow_id).fetch_history()
    return {
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        for event in history.events
        if event.HasField("workflow_task_completed_event_attributes")
    }


async def hang_up(call: WebCall) -> None:
    """Returns when the wrap-up is done as well."""
    assert (await call.hang_up()).status_code == 200

    async def is_closed() -> bool:
        return (await call.workflow.describe()).status is WorkflowExecutionStatus.COMPLETED

    await eventually(is_closed, timeout=30, otherwise=f"{call.id} does not end")


@asynccontextmanager
async def worker_of_build(switchboard: Switchboard, build: str) -> AsyncIterator[psutil.Popen]:
    """A further worker beside the stack's own, as a rolling update starts it."""
    (pid, *_) = switchboard.stack.pids("worker")
    settings = {**psutil.Process(pid).environ(), "WORKER_BUILD_ID": build}
    settings.pop(MARK)
    log = switchboard.stack.run_dir / "logs" / f"worker-{build}.log"
    with log.open("ab") as out:
        worker = psutil.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "worker_main.py"],
            cwd=CHECKOUT,
            env=settings,
            stdout=out,
            stderr=out,
        )
    try:
        await eventually(lambda: has_started(log), timeout=30, otherwise=f"not started: {log}")
        yield worker
    finally:
        worker.terminate()
        await asyncio.to_thread(worker.wait, 15)


async def has_started(log: Path) -> bool:
    return "worker_started" in await asyncio.to_thread(log.read_text)


async def test_calls_end_on_the_build_they_began_on() -> None:
    versioned = {"WORKER_VERSIONING": "on", "WORKER_BUILD_ID": "a"}
    parts = ["temporal", "livekit", "s3", "providers", "api", "worker", "atlas"]
    async with (
        Stack(free_ports=True, only=parts, settings={"worker": versioned}) as stack,
        Switchboard.of(stack) as switchboard,
    ):
        await make_current(switchboard, "a")
        old_call = await switchboard.place_call()

        async with worker_of_build(switchboard, "b"):
            await make_current(switchboard, "b")
            new_call = await switchboard.place_call()

            # The old call's next steps still go to the build that it began on.
            assert await open_workflows(switchboard, "a") >= 1
            await hang_up(old_call)
            assert await builds_of(switchboard, old_call.id) == {"a"}

            # Nothing is left on the old build, so it may go; the new one has all that is open.
            await eventually(
                lambda: nothing_open(switchboard, "a"), timeout=10, otherwise="a still has calls"
            )
            (old_worker, *_) = stack.pids("worker")
            os.kill(old_worker, signal.SIGTERM)
            await eventually(
                lambda: is_gone(switchboard), timeout=15, otherwise="build a does not end"
            )
            await hang_up(new_call)
            assert await builds_of(switchboard, new_call.id) == {"b"}

            # The room watch never ends, so it must not hold the old build: it has moved on.
            await eventually(
                lambda: watch_is_on(switchboard, "b"), timeout=15, otherwise="the watch stays on a"
            )


async def nothing_open(switchboard: Switchboard, build: str) -> bool:
    return await open_workflows(switchboard, build) == 0


async def is_gone(switchboard: Switchboard) -> bool:
    return not switchboard.stack.is_running("worker")


async def watch_is_on(switchboard: Switchboard, build: str) -> bool:
    return build in await builds_of(switchboard, ROOM_WATCH_WORKFLOW_ID)
