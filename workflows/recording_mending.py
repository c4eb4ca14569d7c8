"""A recording that needs attention: it waits for operators, and does what their retries ask."""

from __future__ import annotations

import contextlib

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import RecordingStatus
from contract.recordings import RecordingReport, RecordingRequest, RecordingRetry
from contract.steps import RecordingVerified
from workflows import options
from workflows import recording_steps as steps
from workflows import search_attributes as keys
from workflows.recording_attempts import RecordingAttempts
from workflows.recording_base import STAYS_OPEN, cause
from workflows.recording_end import RecordingEnd
from workflows.recording_retries import AskedRetry, RetryDesk
from workflows.recording_verdict import verdict


class RecordingMending(RecordingAttempts, RecordingEnd):
    def __init__(self, request: RecordingRequest) -> None:
        super().__init__(request)
        self._retries = RetryDesk()
        self._deleted = False
        self._last_look = False

    def _waits_for_a_retry(self, report: RecordingReport) -> bool:
        return (
            report.status is RecordingStatus.NEEDS_ATTENTION
            and not self._last_look
            and workflow.patched(STAYS_OPEN)
        )

    async def _mended(self, report: RecordingReport) -> RecordingReport:
        """What becomes of it when somebody asks for it again, or nobody does."""
        await self._wait_for_a_retry()
        asked = self._retries.asked
        if self._deleted:
            status = self._status = RecordingStatus.DELETED
            workflow.upsert_search_attributes([keys.RECORDING_STATUS.value_set(status.value)])
            return RecordingReport(status=status, attempts=self._attempt)
        if asked is not None:
            self._note_retry(asked.wish)
        elif self._is_over_without_a_trace:
            return await self._close(RecordingStatus.LOST, f"Nothing was recorded. {report.detail}")
        else:
            self._last_look = True
            days = options.RETRY_COMES.days
            text = f"Nobody asked for the recording again within {days} days: a last look for it."
            self._note("recording_last_look", text)
        if self._stopped or self._last_look:
            after = await self._looked_for_files()
        else:
            after = await self._recorded_again(report, asked)
        self._retries.answer(asked, after)
        return after

    async def _wait_for_a_retry(self) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    self._retries.asked is not None
                    or self._deleted
                    or self._is_over_without_a_trace
                ),
                timeout=options.RETRY_COMES,
                timeout_summary="An operator may ask for the recording again until then",
            )

    @property
    def _is_over_without_a_trace(self) -> bool:
        """No egress was ever begun, as far as anybody knows: there is no file to be found."""
        known = self._segments.expected or self._gaps or self._doubts or self._request.flaw
        return self._stopped and not known

    def _note_retry(self, retry: RecordingRetry) -> None:
        self._journal.note(
            workflow.now(),
            "operator",
            "recording_retry",
            f"{retry.by} asks for the recording again: {retry.reason}",
            {"requested_by": retry.by, "reason": retry.reason},
        )

    async def _recorded_again(
        self, before: RecordingReport, asked: AskedRetry | None
    ) -> RecordingReport:
        """The call goes on: what is still to come goes into a further segment. Whoever asked is
        answered as soon as it is under way."""
        self._attempt += 1
        await self._change(RecordingStatus.PENDING, f"Attempt {self._attempt}, for an operator.")
        try:
            egress = await self._start_once()
        except ActivityError:
            if self._stopped:
                return await self._looked_for_files()
            return await self._close(RecordingStatus.NEEDS_ATTENTION, self._failure)
        self._segments.follow(egress)
        self._breaks = 0
        if before.detail not in self._gaps:
            until = f"{workflow.now():%H:%M:%S} UTC"
            self._gaps.append(f"The recording has a gap until {until}. {before.detail}")
        detail = f"Recording again, attempt {self._attempt}."
        await self._tell_the_call(RecordingStatus.RECORDING, again=True)
        await self._change(RecordingStatus.RECORDING, detail)
        begun = RecordingReport(
            status=RecordingStatus.RECORDING, attempts=self._attempt, detail=detail
        )
        self._retries.answer(asked, begun)
        if await self._broke():
            while await self._recorded_until_it_broke():
                pass
        return await self._concluded()

    async def _looked_for_files(self) -> RecordingReport:
        """The call is over: what was recorded is looked for wherever it may be."""
        self._doubts = []
        await self._change(RecordingStatus.FINALISING, "The recording's files are looked for.")
        if not self._segments.expected:
            self._lost_answers += 1
            self._segments.follow(await self._found())
        await self._ask_again()
        try:
            rescued = await steps.rescue_recording(self._request.call_id, self._segments.expected)
        except ActivityError as error:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, cause(error))
        for file in rescued.files:
            self._note_file(file)
        found = verdict(rescued, [*self._remarks, *self._gaps], self._doubts)
        return await self._close(found.status, found.detail, found.file)

    async def _ask_again(self) -> None:
        """Whether Egress has come to an end since, with what it still works on."""
        for egress in self._segments.unfinished:
            await self._stop(egress)
            await self._look_for_the_end(egress.egress_id)
        for egress in self._segments.unfinished:
            text = f"Egress still works on {egress.object_key} ({egress.status.value})"
            self._doubts.append(f"{text}: ask again in a minute.")

    async def _look_for_the_end(self, egress_id: str) -> None:
        """A moment for the webhook, then Egress is asked."""
        try:
            await workflow.wait_condition(
                lambda: egress_id not in {one.egress_id for one in self._segments.unfinished},
                timeout=options.EGRESS_TELLS,
                timeout_summary="Egress tells when it has uploaded",
            )
        except TimeoutError:
            with contextlib.suppress(ActivityError):
                self._segments.take(await steps.look_at_egress(egress_id, self._request.room_name))

    def _note_file(self, file: RecordingVerified) -> None:
        text = f"{file.object_key} is whole: {file.duration_seconds:.1f} s."
        data = {
            "object_key": file.object_key,
            "size_bytes": file.size_bytes,
            "duration_seconds": file.duration_seconds,
            "sha256": file.sha256,
        }
        self._journal.note(workflow.now(), "platform", "recording_file", text, data)
