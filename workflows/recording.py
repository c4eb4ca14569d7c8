"""The story of one call's recording: start, keep going, stop, check what is in the store, and be
mended by operators where that did not work.

Attempts are made here and not by Temporal's activity retries: failed activity attempts leave no
trace in the history, and auditors want every attempt with its reason.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from contract.calls import RecordingStatus
    from contract.recordings import (
        EgressSeen,
        RecordingReport,
        RecordingRequest,
        RecordingRetry,
        RecordingStop,
    )
    from workflows.recording_mending import RecordingMending


@workflow.defn
class RecordingWorkflow(RecordingMending):
    """One call's recording, from the first attempt to a verified object.

    One that needs attention stays open for the update `retry`.
    """

    @workflow.init
    def __init__(self, request: RecordingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: RecordingRequest) -> RecordingReport:
        if request.flaw:
            report = await self._close(RecordingStatus.NEEDS_ATTENTION, request.flaw)
        else:
            report = await self._recorded()
        while self._waits_for_a_retry(report):
            report = await self._mended(report)
        self._retries.close(report)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return report

    async def _recorded(self) -> RecordingReport:
        while await self._recorded_until_it_broke():
            pass  # Egress died under a live call: what follows is recorded into a new file
        return await self._concluded()

    # --- Messages --------------------------------------------------------------------------------

    @workflow.signal(description="The call is over")
    def stop(self, told: RecordingStop | None = None) -> None:
        self._call_is_over(told)

    @workflow.signal(description="The recording was deleted, at somebody's wish")
    def deleted(self) -> None:
        self._deleted = True

    @workflow.signal(description="Egress tells of a recording")
    def egress(self, raw: dict[str, Any]) -> None:
        try:
            self._segments.take(EgressSeen.from_dict(raw))
        except ValueError as wrong:
            workflow.logger.warning("An egress event was dropped: %s", wrong)

    @workflow.update(description="Try a failed recording again: {by, reason}")
    async def retry(self, asked: RecordingRetry) -> RecordingReport:
        return await self._retries.ask(asked)

    @retry.validator
    def _retry_is_possible(self, asked: RecordingRetry) -> None:
        self._retries.refuse(asked, self._status)


# As for the janitor: on workers with a version a recording that waits for an operator would keep
# its build for a month.
@workflow.defn(name="RecordingWorkflow", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedRecordingWorkflow(RecordingWorkflow):
    """The same, on workers with a version: it moves on to the newest build."""

    @workflow.init
    def __init__(self, request: RecordingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: RecordingRequest) -> RecordingReport:
        return await super().run(request)
