"""Temporal's schedule that starts the janitor's rounds."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from contract.janitor import JANITOR_SCHEDULE_ID, JANITOR_WORKFLOW_ID

# Temporal's least. Rounds that were missed while it was away are not made up for.
_CATCH_UP = timedelta(seconds=10)
_LONGEST_ROUND = timedelta(minutes=5)


async def schedule_janitor(client: Client, task_queue: str, every: timedelta) -> None:
    """One schedule per namespace, by its id. One that is there already is brought up to date; that
    an operator has paused it stays."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            "JanitorWorkflow",
            id=JANITOR_WORKFLOW_ID,
            task_queue=task_queue,
            execution_timeout=_LONGEST_ROUND,
            static_summary="Looks for calls whose workflow was cut off",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )

    def brought_up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule.state = found.description.schedule.state
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(JANITOR_SCHEDULE_ID, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(JANITOR_SCHEDULE_ID).update(brought_up_to_date)
