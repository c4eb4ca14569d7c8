"""The janitor's round: who was cut off is looked for, and each is given somebody to finish it."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    VersioningBehavior,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ActivityError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from contract.calls import RecordingStatus
    from contract.identity import finishing_workflow_id, recording_workflow_id
    from contract.janitor import CallToFinish, LeftBehind
    from contract.recordings import RecordingRequest
    from contract.steps import Step
    from workflows import options
    from workflows import search_attributes as keys


@workflow.defn
class JanitorWorkflow:
    """One round, started by a schedule. It only finds and starts: a finishing may take longer than
    the time between two rounds, and one that hangs keeps no other waiting."""

    @workflow.run
    async def run(self) -> None:
        try:
            left = await workflow.execute_activity(
                Step.LOOK_FOR_WHAT_IS_LEFT.value,
                result_type=LeftBehind,
                **options.LOOK_FOR_WHAT_IS_LEFT,
            )
        except ActivityError as error:
            workflow.logger.warning("The janitor cannot look: %s", error.cause)
            return
        for call in left.calls:
            await self._finish(call)
        for recording in left.recordings:
            await self._finish_recording(recording)

    async def _finish(self, call: CallToFinish) -> None:
        """Never two at a time, by the id; but again whenever the call is found again, as its
        record or its bill says then that the last time was not the end of it."""
        try:
            await workflow.start_child_workflow(
                "FinishCallWorkflow",
                call,
                id=finishing_workflow_id(call.call_id),
                task_timeout=options.TASK_TIMEOUT,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(keys.TENANT_ID, call.tenant_id),
                        SearchAttributePair(keys.ASSISTANT_ID, call.assistant_id or ""),
                    ]
                ),
                static_summary="Finish a call whose workflow was cut off",
            )
        except (WorkflowAlreadyStartedError, ChildWorkflowError):
            workflow.logger.info("A call is being finished already.")

    async def _finish_recording(self, request: RecordingRequest) -> None:
        try:
            await workflow.start_child_workflow(
                "RecordingWorkflow",
                request,
                id=recording_workflow_id(request.call_id),
                task_timeout=options.TASK_TIMEOUT,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(keys.TENANT_ID, request.tenant_id),
                        SearchAttributePair(
                            keys.RECORDING_STATUS, RecordingStatus.FINALISING.value
                        ),
                    ]
                ),
                static_summary="Finish a recording whose workflow was cut off",
            )
        except (WorkflowAlreadyStartedError, ChildWorkflowError):
            workflow.logger.info("A recording is being finished already.")


# A class of its own for the same reason as VersionedRoomWatchWorkflow. Not pinned, so that who asks
# what is left on an old build counts calls only.
@workflow.defn(name="JanitorWorkflow", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedJanitorWorkflow(JanitorWorkflow):
    """The same, on workers with a version."""

    @workflow.run
    async def run(self) -> None:
        await super().run()
