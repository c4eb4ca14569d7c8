"""The call's side of its recording, which is a workflow of its own and outlives the call."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError, FailureError

from contract.calls import RECORDING_UNDER_WAY, RecordingStatus
from contract.identity import recording_workflow_id
from contract.recordings import RecordingReport, RecordingRequest, RecordingStop
from workflows import options
from workflows import search_attributes as keys
from workflows.call_state import CallState


class RecordingLink:
    def __init__(self, state: CallState) -> None:
        self._state = state
        self._child: workflow.ChildWorkflowHandle[object, RecordingReport] | None = None

    async def start(self) -> None:
        request = self._state.request
        try:
            self._child = await workflow.start_child_workflow(
                "RecordingWorkflow",
                RecordingRequest(
                    call_id=request.call_id,
                    tenant_id=request.tenant_id,
                    room_name=request.room_name,
                    talk_began_at=self._state.answered_at,
                ),
                id=recording_workflow_id(request.call_id),
                result_type=RecordingReport,
                task_timeout=options.TASK_TIMEOUT,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=keys.for_recording(request),
                static_summary="Recording of the call",
            )
        except ChildWorkflowError as error:
            # Somebody else's workflow has our id: the call goes on unrecorded and says so.
            self._state.journal.note(
                workflow.now(), "platform", "recording_refused", f"No recording: {error.cause}"
            )
            return
        self._state.recording = RecordingStatus.PENDING

    async def stop(self) -> None:
        """Returns once Egress has all the audio, so that closing the room cannot cut it short."""
        child, self._child = self._child, None
        if child is None:
            return
        try:
            await child.signal("stop", RecordingStop(call_ended_at=self._call_ended_at))
            await workflow.wait_condition(
                lambda: self._state.recording not in RECORDING_UNDER_WAY,
                timeout=options.RECORDING_STOPS,
                timeout_summary="Egress has this long to stop",
            )
        except TimeoutError:
            workflow.logger.warning(
                "The recording has not stopped yet; the room closes all the same."
            )
        except (ApplicationError, FailureError) as error:
            workflow.logger.info("The recording had ended before the call: %s", error)

    @property
    def _call_ended_at(self) -> datetime | None:
        """None of a room that vanished: how long before somebody noticed, nobody knows."""
        return None if self._state.room_vanished else self._state.ended_at
