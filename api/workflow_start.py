"""What a call's workflow is started with, beside its request."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.temporal_errors import TEMPORAL_TROUBLE
from contract.calls import CallRequest, CallStatus

WORKFLOW = "CallWorkflow"
# A task that a killed worker held is given to another one after this; Temporal's default is 10 s.
TASK_TIMEOUT = timedelta(seconds=4)

# The same names as in workflows/search_attributes.py, registered with Temporal by the stack.
_TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
_ASSISTANT_ID = SearchAttributeKey.for_keyword("AssistantId")
_CALL_DIRECTION = SearchAttributeKey.for_keyword("CallDirection")
_CALL_PROVIDER = SearchAttributeKey.for_keyword("CallProvider")
_CALL_STATUS = SearchAttributeKey.for_keyword("CallStatus")


def search_attributes(request: CallRequest) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(_TENANT_ID, request.tenant_id),
        SearchAttributePair(_CALL_DIRECTION, request.direction.value),
        SearchAttributePair(_CALL_PROVIDER, request.provider.value),
        SearchAttributePair(_CALL_STATUS, CallStatus.QUEUED.value),
    ]
    if request.assistant_id:
        pairs.append(SearchAttributePair(_ASSISTANT_ID, request.assistant_id))
    return TypedSearchAttributes(pairs)


def summary(request: CallRequest) -> str:
    who = request.assistant_id or "assistant by room"
    return f"{request.direction.value} · {who}"


def details(request: CallRequest) -> str:
    return f"Asked for through the API by tenant `{request.tenant_id}`."


async def retrieve(operation: WithStartWorkflowOperation[Any, Any]) -> None:
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
