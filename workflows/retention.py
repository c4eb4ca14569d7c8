"""What is due is deleted: by the hour, and at once where somebody asked for it."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from contract.retention import (
        DELETE_RECORDING_WORKFLOW,
        DeleteRecording,
        ErasedPage,
        EraseDue,
        RecordingDeleted,
        RetentionReport,
    )
    from contract.steps import Step
    from workflows import options

_REASONS = 5


@workflow.defn
class RetentionWorkflow:
    """One round, started by a schedule: page after page of what is due, oldest first. It may be cut
    off anywhere; the store knows what was begun, and the next round goes on."""

    @workflow.run
    async def run(self) -> RetentionReport:
        report, page = RetentionReport(), ErasedPage()
        until = workflow.now()
        for number in range(options.RETENTION_PAGES):
            if number and page.last is None:
                break
            try:
                page = await workflow.execute_activity(
                    Step.ERASE_DUE.value,
                    EraseDue(until=until, after=page.last),
                    result_type=ErasedPage,
                    **options.ERASE_DUE,
                )
            except ActivityError as error:
                workflow.logger.warning("Retention cannot go on: %s", error.cause)
                return _with(report, ErasedPage(reasons=(_why(error),)))
            report = _with(report, page)
        return report


@workflow.defn(name=DELETE_RECORDING_WORKFLOW)
class DeleteRecordingWorkflow:
    """One recording's files, until they are gone: who asked for it waits, for a moment."""

    @workflow.run
    async def run(self, order: DeleteRecording) -> RecordingDeleted:
        try:
            deleted: RecordingDeleted = await workflow.execute_activity(
                Step.DELETE_RECORDING.value,
                order,
                result_type=RecordingDeleted,
                **options.DELETE_RECORDING,
            )
        except ActivityError as error:
            detail = f"{_why(error)} The hourly round of retention tries again."
            return RecordingDeleted(deleted=False, detail=detail)
        return deleted


# As VersionedJanitorWorkflow, and for the same reason.
@workflow.defn(name="RetentionWorkflow", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedRetentionWorkflow(RetentionWorkflow):
    """The same, on workers with a version."""

    @workflow.run
    async def run(self) -> RetentionReport:
        return await super().run()


def _why(error: ActivityError) -> str:
    cause = error.cause
    return (cause.message if isinstance(cause, ApplicationError) else str(cause or error))[:300]


def _with(report: RetentionReport, page: ErasedPage) -> RetentionReport:
    reasons = dict.fromkeys((*report.reasons, *page.reasons))
    return RetentionReport(
        recordings=report.recordings + page.recordings,
        transcripts=report.transcripts + page.transcripts,
        left=report.left + page.left,
        reasons=tuple(reasons)[:_REASONS],
    )
