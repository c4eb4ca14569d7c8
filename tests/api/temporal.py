"""A real worker for the stand-in workflows, and looks at what Temporal holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.api.call_workflow import StandInCall, StandInRecording


def worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue="calls",
        workflows=[StandInCall, StandInRecording],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def started_workflows(client: Client, call_ids: set[str]) -> set[str]:
    """Those that exist; each has had exactly one run."""
    found = set()
    for call_id in call_ids:
        try:
            described = await client.get_workflow_handle(call_id).describe()
        except RPCError:
            continue
        first = (await client.get_workflow_handle(call_id).fetch_history()).events[0]
        attributes = first.workflow_execution_started_event_attributes
        assert attributes.first_execution_run_id == described.run_id
        found.add(call_id)
    return found


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, "It did not come true in time."
        await asyncio.sleep(0.05)
