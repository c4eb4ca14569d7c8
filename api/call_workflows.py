"""How the API talks to the workflows: start a call, tell it a fact, command it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.temporal_errors import (
    TEMPORAL_TROUBLE,
    CallEnded,
    TemporalAway,
    WorkerAbsent,
    failure_type,
    is_not_found,
    refusal_of,
)
from api.workflow_start import TASK_TIMEOUT, WORKFLOW, details, retrieve, search_attributes, summary
from contract.calls import CallRequest, RoomReady
from contract.errors import Unavailable
from contract.facts import FACT_SIGNAL, Fact, FactKind, FactSource

_SIGNAL_TIMEOUT = timedelta(seconds=3)

T = TypeVar("T")


class RoomNotOpened(Unavailable):
    """The workflow could not open the room, and ends by itself."""

    def __init__(self) -> None:
        super().__init__("The call's room could not be opened; try again in a moment.")


class CallWorkflows:
    def __init__(self, client: Client, task_queue: str, start_timeout: timedelta) -> None:
        self._client = client
        self._task_queue = task_queue
        self._start_timeout = start_timeout

    async def open(self, request: CallRequest) -> RoomReady:
        """Start the call, or attach to its start, and wait until its room is ready.

        Raises WorkerAbsent when it was started but not answered in time, TemporalAway when nobody
        knows, RoomNotOpened when it failed, CallEnded when it is over.
        """
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            WORKFLOW,
            request,
            id=request.call_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=TASK_TIMEOUT,
            search_attributes=search_attributes(request),
            static_summary=summary(request),
            static_details=details(request),
        )
        deadline = asyncio.timeout(self._start_timeout.total_seconds())
        try:
            async with deadline:
                ready: RoomReady = await self._client.execute_update_with_start_workflow(
                    "room_ready",
                    start_workflow_operation=operation,
                    # One id: parallel requests wait for one update, of which Temporal runs ten.
                    id="room_ready",
                    result_type=RoomReady,
                )
                return ready
        except WorkflowUpdateFailedError as refused:
            raise (
                CallEnded if failure_type(refused) == CallEnded.code else RoomNotOpened
            )() from None
        except WorkflowAlreadyStartedError:
            await retrieve(operation)
            raise CallEnded from None
        except TEMPORAL_TROUBLE as trouble:
            await retrieve(operation)
            raise (WorkerAbsent if deadline.expired() else TemporalAway)() from trouble

    async def start(self, request: CallRequest) -> None:
        """Durably accepted when this returns, by whichever request; nobody has to be there to take
        it. A call that is over by now was started as well. Raises TemporalAway when nobody knows.
        """
        try:
            async with asyncio.timeout(self._start_timeout.total_seconds()):
                await self._client.start_workflow(
                    WORKFLOW,
                    request,
                    id=request.call_id,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    task_timeout=TASK_TIMEOUT,
                    search_attributes=search_attributes(request),
                    static_summary=summary(request),
                    static_details=details(request),
                )
        except WorkflowAlreadyStartedError:
            return
        except TEMPORAL_TROUBLE as trouble:
            raise TemporalAway from trouble

    async def withdraw(self, call_id: str, timeout: timedelta) -> bool:
        """Have a started call end as cancelled. False when there is none. Needs no worker."""
        fact = Fact(
            id=f"withdraw-{call_id}",
            source=FactSource.API,
            kind=FactKind.CANCEL_REQUESTED,
            at=datetime.now(UTC),
            data={"detail": "The start was not answered in time, so it was withdrawn."},
        )
        return await self.signal(call_id, FACT_SIGNAL, fact.to_dict(), timeout=timeout)

    async def signal(
        self,
        workflow_id: str,
        name: str,
        argument: dict[str, Any],
        *,
        timeout: timedelta = _SIGNAL_TIMEOUT,
    ) -> bool:
        """False when no such workflow runs (any more). Raises TemporalAway."""
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await handle.signal(name, argument)
        except TEMPORAL_TROUBLE as trouble:
            if is_not_found(trouble):
                return False
            raise TemporalAway from trouble
        return True

    async def signal_with_start(self, request: CallRequest, fact: Fact) -> bool:
        """Tell a call, which this starts if nobody did. False when it is over: no ghost starts."""
        try:
            async with asyncio.timeout(_SIGNAL_TIMEOUT.total_seconds()):
                await self._client.start_workflow(
                    WORKFLOW,
                    request,
                    id=request.call_id,
                    task_queue=self._task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    start_signal=FACT_SIGNAL,
                    start_signal_args=[fact.to_dict()],
                    task_timeout=TASK_TIMEOUT,
                    search_attributes=search_attributes(request),
                    static_summary=summary(request),
                    static_details="Somebody joined a room of ours that no request announced.",
                )
        except WorkflowAlreadyStartedError:
            return False
        except TEMPORAL_TROUBLE as trouble:
            raise TemporalAway from trouble
        return True

    async def command(
        self,
        call_id: str,
        update: str,
        command: object,
        answer: type[T] | None,
        *,
        update_id: str | None,
        patience: timedelta | None = None,
    ) -> T:
        """Have the call do something, and wait for its `answer`. `patience`: else as long as for
        a start.

        Raises CallRefuses and its kinds, WorkerAbsent, TemporalAway.
        """
        handle = self._client.get_workflow_handle(call_id)
        deadline = asyncio.timeout((patience or self._start_timeout).total_seconds())
        try:
            async with deadline:
                told: T = await handle.execute_update(
                    update, command, id=update_id, result_type=answer
                )
                return told
        except WorkflowUpdateFailedError as refused:
            raise refusal_of(refused) from refused
        except TEMPORAL_TROUBLE as trouble:
            if is_not_found(trouble):
                raise CallEnded from None
            raise (WorkerAbsent if deadline.expired() else TemporalAway)() from trouble

    async def ping(self) -> None:
        """Raises one of TEMPORAL_TROUBLE."""
        if not await self._client.service_client.check_health():
            raise RuntimeError("Temporal's frontend is not serving.")
