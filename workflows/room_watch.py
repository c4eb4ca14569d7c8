"""Webhooks are hints and get lost: somebody looks at the rooms of open calls all the time."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.steps import Step, WatchRooms
    from workflows import options


@workflow.defn
class RoomWatchWorkflow:
    """One of these per namespace, for ever: shift after shift of one heartbeating activity."""

    @workflow.run
    async def run(self) -> None:
        while not workflow.info().is_continue_as_new_suggested():
            try:
                await workflow.execute_activity(
                    Step.WATCH_ROOMS.value,
                    WatchRooms(
                        shift=options.WATCH_SHIFT.total_seconds(),
                        interval=options.WATCH_INTERVAL.total_seconds(),
                    ),
                    **options.WATCH_ROOMS,
                )
            except ActivityError as error:
                # LiveKit may refuse us for a while (keys being changed); the watch must outlive it.
                workflow.logger.error("The room watch cannot look: %s", error.cause)
                await workflow.sleep(options.WATCH_REST, summary="Try to look again")
        workflow.continue_as_new()


# Not pinned as calls are: it never ends, so an old build would have to stay for its sake for ever.
# A class of its own, as Temporal refuses every task of a worker that names a behaviour and has no
# version.
@workflow.defn(name="RoomWatchWorkflow", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedRoomWatchWorkflow(RoomWatchWorkflow):
    """The same, on workers with a version: it moves on to the newest build."""

    @workflow.run
    async def run(self) -> None:
        await super().run()
