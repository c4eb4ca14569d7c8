"""An upgrade under live calls, step by step as docs/deploy.md tells it, on real Temporal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process as Worker
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from contract.identity import ROOM_WATCH_WORKFLOW_ID
from sandbox.stack import Part, Stack, servers
from sandbox.stack.environment import environment
from sandbox.stack.site import CHECKOUT
from tests.e2e.switchboard import Switchboard, WebCall, eventually

pytestmark = pytest.mark.stack

DEPLOYMENT = "switchboard"


async def make_current(switchboard: Switchboard, build: str) -> None:
    """With the operators' script and command line."""
    here = switchboard.description
    script = await asyncio.create_subprocess_exec(
        *(CHECKOUT / "deploy" / "temporal" / "make-current", build),
        env={
            "PATH": f"{Path(servers.temporal()).parent}:{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "TEMPORAL_ADDRESS": here.temporal_address,
            "TEMPORAL_NAMESPACE": here.temporal_namespace,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(script.communicate(), 90)
    assert script.returncode == 0, output.decode()


async def open_calls(switchboard: Switchboard, build: str) -> int:
    """How many would be left without a worker if this build were ended now."""
    query = f"TemporalWorkerDeploymentVersion = '{DEPLOYMENT}:{build}'"
    query += " AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'"
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
async def worker_of_build(switchboard: Switchboard, build: str) -> AsyncIterator[Worker]:
    """A further worker beside the others, as a rolling update starts it."""
    here = switchboard.stack
    settings = environment(Part.WORKER, here.site)
    settings |= {"WORKER_VERSIONING": "on", "WORKER_BUILD_ID": build}
    del settings["WORKER_HTTP_PORT"]  # the stack's own worker has it
    log = here.run_dir / "logs" / f"worker-{build}.log"
    with log.open("ab") as out:
        worker = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "worker_main.py"),
            cwd=CHECKOUT,
            env=settings,
            stdout=out,
            stderr=out,
        )
    try:
        await eventually(lambda: has_started(log), timeout=90, otherwise=f"not started: {log}")
        yield worker
    finally:
        if worker.returncode is None:
            worker.terminate()
        assert await asyncio.wait_for(worker.wait(), 15) == 0


async def has_started(log: Path) -> bool:
    return "worker_started" in await asyncio.to_thread(log.read_text)


async def test_calls_end_on_the_build_they_began_on() -> None:
    parts = ["temporal", "livekit", "s3", "providers", "api", "worker", "atlas"]
    async with Stack(free_ports=True, only=parts) as stack, Switchboard.of(stack) as switchboard:
        # An installation that had no versions before: its calls move to the first one.
        first_call = await switchboard.place_call()
        async with worker_of_build(switchboard, "a") as old_worker:
            await make_current(switchboard, "a")
            await stack.kill("worker", signal.SIGTERM)
            await hang_up(first_call)
            assert await builds_of(switchboard, first_call.id) == {"", "a"}

            old_call = await switchboard.place_call()
            async with worker_of_build(switchboard, "b"):
                await make_current(switchboard, "b")
                new_call = await switchboard.place_call()
                # The old call's next steps still go to the build that it began on.
                assert await open_calls(switchboard, "a") == 1
                await hang_up(old_call)
                assert await builds_of(switchboard, old_call.id) == {"a"}

                # Nothing is left on the old build, so it may go; the new one has all that is open.
                await eventually(
                    lambda: nothing_open(switchboard, "a"), timeout=40, otherwise="a has calls"
                )
                old_worker.terminate()
                await asyncio.wait_for(old_worker.wait(), 15)
                await hang_up(new_call)
                assert await builds_of(switchboard, new_call.id) == {"b"}

                # The room watch never ends, so it must not hold the old build: it has moved on.
                await eventually(
                    lambda: watch_is_on(switchboard, "b"), timeout=60, otherwise="it stays on a"
                )


async def nothing_open(switchboard: Switchboard, build: str) -> bool:
    return await open_calls(switchboard, build) == 0


async def watch_is_on(switchboard: Switchboard, build: str) -> bool:
    return build in await builds_of(switchboard, ROOM_WATCH_WORKFLOW_ID)
