"""The least that a durable start with an answer costs on this Temporal server."""

from __future__ import annotations

import time
from typing import Self

from temporalio import workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

_QUEUE = "bench-bare"


@workflow.defn
class BareWorkflow:
    """Answers one update and ends."""

    def __init__(self) -> None:
        self._answered = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._answered)

    @workflow.update
    async def answer(self) -> bool:
        self._answered = True
        return True


class BareUpdates:
    """A worker in this process for as long as the context lasts."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._worker = Worker(
            client,
            task_queue=_QUEUE,
            workflows=[BareWorkflow],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )

    async def __aenter__(self) -> Self:
        await self._worker.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._worker.__aexit__(None, None, None)

    async def run(self, workflow_id: str) -> float:
        """Seconds until an update-with-start is answered."""
        start = WithStartWorkflowOperation(
            BareWorkflow.run,
            id=workflow_id,
            task_queue=_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        begun = time.monotonic()
        await self._client.execute_update_with_start_workflow(
            BareWorkflow.answer, start_workflow_operation=start
        )
        return time.monotonic() - begun
