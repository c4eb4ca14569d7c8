"""Does a bridge process take orders? Asked only where there is a trunk that needs one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from api.parts import Parts
from store.trunks import Trunks

_PATIENCE = timedelta(seconds=1.5)
# A living process asks for work at least once a minute, as often as Temporal lets a poll last.
# One that was killed is still in Temporal's list for minutes, with the time of its last poll.
_LAST_HEARD = timedelta(seconds=70)


async def look_for_bridge(parts: Parts) -> str | None:
    """Why not, in a sentence; None when all is well. Raises what Temporal and database raise."""
    async with parts.database.reader() as session:
        if not await Trunks(session).any_needs_bridge():
            return None
    queue = parts.settings.bridge_task_queue
    described = await parts.temporal.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=parts.settings.temporal_namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        ),
        timeout=_PATIENCE,
    )
    oldest = datetime.now(UTC) - _LAST_HEARD
    for poller in described.pollers:
        if poller.last_access_time.ToDatetime(tzinfo=UTC) > oldest:
            return None
    return (
        f"No bridge asks for work on task queue {queue}: start worker_main.py --queue bridge, with "
        "this TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and BRIDGE_TASK_QUEUE."
    )
