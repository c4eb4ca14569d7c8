from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.api.errordetails.v1 import WorkflowNotReadyFailure
from temporalio.client import WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError

from api.installation.schemas import ProbedPart
from api.parts import Parts
from api.temporal_errors import TEMPORAL_TROUBLE, is_not_found
from contract.identity import ROOM_WATCH_WORKFLOW_ID

# Longer than the worker's sticky timeout: a query to a worker that was killed goes to the next one.
PATIENCE = 3.0
# Every SDK answers this query for every workflow, without a handler of ours.
_QUERY = "__temporal_workflow_metadata"


async def probe_worker(parts: Parts) -> ProbedPart:
    """A question that only a living worker answers: Temporal's list of pollers still has a killed
    one in it for minutes."""
    ok, detail = True, ""
    try:
        async with asyncio.timeout(PATIENCE):
            await parts.temporal.get_workflow_handle(ROOM_WATCH_WORKFLOW_ID).query(
                _QUERY, rpc_timeout=timedelta(seconds=PATIENCE)
            )
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError) as refused:
        # It was answered, if only to say no.
        ok, detail = False, f"A worker answered, but not as it should ({type(refused).__name__})."
    except TEMPORAL_TROUBLE as trouble:
        ok = False
        if is_not_found(trouble):
            detail = (
                "The room watch does not run, so webhooks that get lost go unnoticed: "
                "start a worker, which starts it."
            )
        elif _cannot_go_on(trouble):
            detail = (
                "The room watch's own task fails, so its worker runs code that cannot go on with "
                "it: see the worker's log, and roll it back or forward."
            )
        else:
            queue = parts.settings.call_task_queue
            detail = (
                f"No worker answered on task queue {queue}: start worker_main.py, with this "
                "TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and CALL_TASK_QUEUE."
            )
    return ProbedPart(name="worker", ok=ok, detail=detail)


def _cannot_go_on(trouble: BaseException) -> bool:
    """The workflow's task fails again and again. Half a minute after the last worker's end Temporal
    refuses with the same status, but without this detail: nobody polls."""
    return isinstance(trouble, RPCError) and any(
        detail.Is(WorkflowNotReadyFailure.DESCRIPTOR) for detail in trouble.grpc_status.details
    )
