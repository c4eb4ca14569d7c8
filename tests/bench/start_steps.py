"""Where the time of one get_token goes, from Temporal's history."""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent

from tests.bench.bench import Bench, Opened, wall
from tests.bench.histories import events_of, kind, moment


async def start_steps(bench: Bench, call: Opened) -> dict[str, float]:
    """ms since the request was sent."""
    moments = {"request sent": wall(call.asked_at)}
    for event in await events_of(bench.temporal, call.call_id):
        if (name := _name_of(event)) is not None:
            moments.setdefault(name, moment(event))
        if kind(event) == "workflow_execution_update_completed":
            break
    moments["answer received"] = wall(call.answered_at)
    begun = moments["request sent"]
    return {name: (at - begun) * 1000 for name, at in moments.items()}


def _name_of(event: HistoryEvent) -> str | None:
    return {
        "workflow_execution_started": "workflow started",
        "workflow_task_started": "first workflow task taken",
        "activity_task_scheduled": "first activities ordered",
        "activity_task_completed": "an activity's end taken (open_room)",
        "workflow_execution_update_completed": "update answered",
    }.get(kind(event))
