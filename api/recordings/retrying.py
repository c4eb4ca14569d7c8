"""A retry is an update of the recording's workflow; its end is waited for a while."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)

from api.recordings.refusals import RecordingNotFailed, RetryUnderWay
from api.temporal_errors import (
    TEMPORAL_TROUBLE,
    TemporalAway,
    WorkerAbsent,
    failure_type,
    is_not_found,
)
from contract.errors import PlatformError, Unavailable
from contract.identity import recording_workflow_id
from contract.recordings import RecordingReport, RecordingRetry

UPDATE = "retry"

_Update = WorkflowUpdateHandle[RecordingReport]


class RetryGoesOn(Unavailable):
    """Durably accepted, but not at its end; its key stays with it, so that a repeat waits on."""

    def __init__(self) -> None:
        super().__init__("The retry goes on; read the recording in a moment.")


class NotToBeRetried(PlatformError):
    """Answered to nobody like this: the store knows what became of the recording."""

    def __init__(self, *, is_closed: bool) -> None:
        super().__init__("The recording's workflow takes no retry.")
        self.is_closed = is_closed


class Retrying:
    def __init__(self, client: Client, acceptance: timedelta) -> None:
        """`acceptance`: how long a worker may take to look at a retry."""
        self._client = client
        self._acceptance = acceptance

    async def retry(
        self, call_id: str, retry: RecordingRetry, update_id: str | None, patience: float
    ) -> RecordingReport:
        """Waits `patience` seconds for its end, once it is accepted.

        Raises RetryGoesOn, RetryUnderWay, NotToBeRetried, TemporalAway, WorkerAbsent.
        """
        workflow = self._client.get_workflow_handle(recording_workflow_id(call_id))
        update = await self._accepted(workflow, retry, update_id)
        try:
            async with asyncio.timeout(patience):
                return await update.result()
        except WorkflowUpdateFailedError as refused:
            raise _refusal(refused) from refused
        except TEMPORAL_TROUBLE as trouble:
            if is_not_found(trouble):
                raise NotToBeRetried(is_closed=True) from None
            raise RetryGoesOn from trouble  # accepted: whatever the connection does

    async def _accepted(
        self, workflow: WorkflowHandle[Any, Any], retry: RecordingRetry, update_id: str | None
    ) -> _Update:
        deadline = asyncio.timeout(self._acceptance.total_seconds())
        try:
            async with deadline:
                return await workflow.start_update(
                    UPDATE,
                    retry,
                    id=update_id,
                    wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                    result_type=RecordingReport,
                )
        except TEMPORAL_TROUBLE as trouble:
            if not is_not_found(trouble):
                raise (WorkerAbsent if deadline.expired() else TemporalAway)() from trouble
        if update_id is None:
            raise NotToBeRetried(is_closed=True)
        # A workflow that has closed takes no update; of one that it took it still tells the end.
        return workflow.get_update_handle(update_id, result_type=RecordingReport)


def _refusal(error: WorkflowUpdateFailedError) -> PlatformError:
    match failure_type(error):
        case RetryUnderWay.code:
            return RetryUnderWay()
        case RecordingNotFailed.code:
            return NotToBeRetried(is_closed=False)
        case "AcceptedUpdateCompletedWorkflow":
            return NotToBeRetried(is_closed=True)
    return Unavailable("The recording could not be retried just now; read it, and try again.")
