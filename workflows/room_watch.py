"""Webhooks are hints and get lost: somebody looks at the rooms of open calls all the time."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.steps import Step, WatchRooms
    from workflows import options


@workflow.defn
class RoomWatchWorkflow:
    """One of these per namespace, for ever: shift after shift of one heartbeating activity."""

    @workflow.run
    async def run(self) -> None:
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity(
                Step.WATCH_ROOMS.value,
                WatchRooms(
                    shift=options.WATCH_SHIFT.total_seconds(),
                    interval=options.WATCH_INTERVAL.total_seconds(),
                ),
                **options.WATCH_ROOMS,
            )
        workflow.continue_as_new()
