"""A real Temporal with a worker for the stand-in workflows, and looks at what it holds."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.api.call_workflow import StandInCall, StandInRecording

SEARCH_ATTRIBUTES = [
    SearchAttributeKey.for_keyword(name)
    for name in ("TenantId", "AssistantId", "CallDirection", "CallProvider", "CallStatus")
]
_NAMESPACES = 50


class TemporalServers:
    """Hands out namespaces that nobody has used. A server takes seconds to start, and has many."""

    def __init__(self) -> None:
        self._server: WorkflowEnvironment | None = None
        self._unused: list[str] = []

    async def unused(self) -> WorkflowEnvironment:
        if self._server is None or not self._unused:
            await self.aclose()
            self._unused = [f"namespace-{number}" for number in range(_NAMESPACES)]
            self._server = await start_temporal(*self._unused)
        address = address_of(self._server)
        return WorkflowEnvironment.from_client(
            await Client.connect(address, namespace=self._unused.pop())
        )

    async def aclose(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
            self._server = None


async def start_temporal(*namespaces: str, port: int | None = None) -> WorkflowEnvironment:
    return await WorkflowEnvironment.start_local(
        port=port,
        dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
        dev_server_extra_args=[
            *("--log-level", "error"),
            *(each for namespace in namespaces for each in ("--namespace", namespace)),
            # Temporal's own, of each namespace; nobody here has schedules or batches.
            *("--dynamic-config-value", "worker.perNamespaceWorkerCount=0"),
        ],
        search_attributes=SEARCH_ATTRIBUTES,
    )


def address_of(temporal: WorkflowEnvironment) -> str:
    return temporal.client.service_client.config.target_host


def place_of(temporal: WorkflowEnvironment) -> dict[str, str]:
    """What `settings_for` is to know of it."""
    return {
        "temporal_address": address_of(temporal),
        "temporal_namespace": temporal.client.namespace,
    }


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
