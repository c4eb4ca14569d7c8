"""Temporal's schedules that start the rounds of the janitor and of retention."""

from __future__ import annotations

from dataclasses import dataclass
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
from contract.retention import RETENTION_SCHEDULE_ID, RETENTION_WORKFLOW_ID

# Temporal's least. Rounds that were missed while it was away are not made up for.
_CATCH_UP = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rounds:
    schedule_id: str
    workflow: str
    workflow_id: str
    summary: str
    longest: timedelta


_JANITOR = _Rounds(
    schedule_id=JANITOR_SCHEDULE_ID,
    workflow="JanitorWorkflow",
    workflow_id=JANITOR_WORKFLOW_ID,
    summary="Looks for calls whose workflow was cut off",
    longest=timedelta(minutes=5),
)
_RETENTION = _Rounds(
    schedule_id=RETENTION_SCHEDULE_ID,
    workflow="RetentionWorkflow",
    workflow_id=RETENTION_WORKFLOW_ID,
    summary="Deletes recordings and transcripts that are due",
    longest=timedelta(hours=12),
)


async def schedule_janitor(client: Client, task_queue: str, every: timedelta) -> None:
    await _schedule(client, task_queue, every, _JANITOR)


async def schedule_retention(client: Client, task_queue: str, every: timedelta) -> None:
    await _schedule(client, task_queue, every, _RETENTION)


async def _schedule(client: Client, task_queue: str, every: timedelta, rounds: _Rounds) -> None:
    """One schedule per namespace, by its id. One that is there already is brought up to date; that
    an operator has paused it stays."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            rounds.workflow,
            id=rounds.workflow_id,
            task_queue=task_queue,
            execution_timeout=rounds.longest,
            static_summary=rounds.summary,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )

    def brought_up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule.state = found.description.schedule.state
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(rounds.schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(rounds.schedule_id).update(brought_up_to_date)
