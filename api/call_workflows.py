"""How the API talks to the workflows: start a call, tell it a fact, hang up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.temporal_errors import (
    TEMPORAL_TROUBLE,
    CallEnded,
    TemporalAway,
    WorkerAbsent,
    failure_type,
    is_not_found,
)
from contract.calls import CallRequest, CallStatus, HangupAnswer, HangupCommand, RoomReady
from contract.errors import Unavailable
from contract.facts import Fact, FactKind, FactSource

WORKFLOW = "CallWorkflow"
_CALL_OVER = "call-ended"
# A task that a killed worker held is given to another one after this; Temporal's default is 10 s.
_TASK_TIMEOUT = timedelta(seconds=4)
_SIGNAL_TIMEOUT = timedelta(seconds=3)


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
            task_timeout=_TASK_TIMEOUT,
            search_attributes=_search_attributes(request),
            static_summary=_summary(request),
            static_details=f"Asked for through the API by tenant `{request.tenant_id}`.",
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
            raise (CallEnded if failure_type(refused) == _CALL_OVER else RoomNotOpened)() from None
        except WorkflowAlreadyStartedError:
            await _retrieve(operation)
            raise CallEnded from None
        except TEMPORAL_TROUBLE as trouble:
            await _retrieve(operation)
            raise (WorkerAbsent if deadline.expired() else TemporalAway)() from trouble

    async def withdraw(self, call_id: str, timeout: timedelta) -> bool:
        """Have a started call end as cancelled. False when there is none. Needs no worker."""
        fact = Fact(
            id=f"withdraw-{call_id}",
            source=FactSource.API,
            kind=FactKind.CANCEL_REQUESTED,
            at=datetime.now(UTC),
            data={"detail": "The start was not answered in time, so it was withdrawn."},
        )
        return await self.signal(call_id, "fact", fact.to_dict(), timeout=timeout)

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
                    start_signal="fact",
                    start_signal_args=[fact.to_dict()],
                    task_timeout=_TASK_TIMEOUT,
                    search_attributes=_search_attributes(request),
                    static_summary=_summary(request),
                    static_details="Somebody joined a room of ours that no request announced.",
                )
        except WorkflowAlreadyStartedError:
            return False
        except TEMPORAL_TROUBLE as trouble:
            raise TemporalAway from trouble
        return True

    async def hang_up(
        self, call_id: str, command: HangupCommand, update_id: str | None
    ) -> HangupAnswer:
        """Raises CallEnded, WorkerAbsent, TemporalAway."""
        handle = self._client.get_workflow_handle(call_id)
        deadline = asyncio.timeout(self._start_timeout.total_seconds())
        try:
            async with deadline:
                answer: HangupAnswer = await handle.execute_update(
                    "hangup", command, id=update_id, result_type=HangupAnswer
                )
                return answer
        except WorkflowUpdateFailedError as refused:
            raise CallEnded from refused
        except TEMPORAL_TROUBLE as trouble:
            if is_not_found(trouble):
                raise CallEnded from None
            raise (WorkerAbsent if deadline.expired() else TemporalAway)() from trouble

    async def ping(self) -> None:
        """Raises one of TEMPORAL_TROUBLE."""
        if not await self._client.service_client.check_health():
            raise RuntimeError("Temporal's frontend is not serving.")


async def _retrieve(operation: WithStartWorkflowOperation[Any, Any]) -> None:
    # Else asyncio complains of an exception that was never retrieved. The future stays open when
    # not even a connection could be made, and holds our own timeout's CancelledError after one.
    try:
        async with asyncio.timeout(0.01):
            await operation.workflow_handle()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
    except (*TEMPORAL_TROUBLE, WorkflowAlreadyStartedError):
        return


# The same names as in workflows/search_attributes.py, registered with Temporal by the stack.
_TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
_ASSISTANT_ID = SearchAttributeKey.for_keyword("AssistantId")
_CALL_DIRECTION = SearchAttributeKey.for_keyword("CallDirection")
_CALL_PROVIDER = SearchAttributeKey.for_keyword("CallProvider")
_CALL_STATUS = SearchAttributeKey.for_keyword("CallStatus")


def _search_attributes(request: CallRequest) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(_TENANT_ID, request.tenant_id),
        SearchAttributePair(_CALL_DIRECTION, request.direction.value),
        SearchAttributePair(_CALL_PROVIDER, request.provider.value),
        SearchAttributePair(_CALL_STATUS, CallStatus.QUEUED.value),
    ]
    if request.assistant_id:
        pairs.append(SearchAttributePair(_ASSISTANT_ID, request.assistant_id))
    return TypedSearchAttributes(pairs)


def _summary(request: CallRequest) -> str:
    who = request.assistant_id or "assistant by room"
    return f"{request.direction.value} · {who}"
