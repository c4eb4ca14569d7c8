"""A recording that needs attention: it waits for operators, and does what their retries ask."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import RecordingStatus
from contract.recordings import (
    EgressSeen,
    EgressStatus,
    RecordingReport,
    RecordingRequest,
    RecordingRetry,
)
from contract.steps import RecordingVerified
from workflows import options
from workflows import recording_steps as steps
from workflows import search_attributes as keys
from workflows.recording_attempts import RecordingAttempts
from workflows.recording_base import STAYS_OPEN, TRUSTS_LESS, cause
from workflows.recording_end import RecordingEnd
from workflows.recording_retries import AskedRetry, RetryDesk
from workflows.recording_verdict import verdict


class RecordingMending(RecordingAttempts, RecordingEnd):
    def __init__(self, request: RecordingRequest) -> None:
        super().__init__(request)
        self._retries = RetryDesk()
        self._deleted = False
        self._last_look = False
        self._was_looked_for = False

    def _waits_for_a_retry(self, report: RecordingReport) -> bool:
        return (
            report.status is RecordingStatus.NEEDS_ATTENTION
            and not self._last_look
            and workflow.patched(STAYS_OPEN)
        )

    async def _mended(self, report: RecordingReport) -> RecordingReport:
        """What becomes of it when somebody asks for it again, or nobody does."""
        await self._wait_for_a_retry()
        asked, why = self._retries.asked, ""
        if self._deleted:
            await self._let_egress_finish(report)
            status = self._status = RecordingStatus.DELETED
            workflow.upsert_search_attributes([keys.RECORDING_STATUS.value_set(status.value)])
            return RecordingReport(status=status, attempts=self._attempt)
        if asked is not None:
            self._note_retry(asked.wish)
        elif self._is_over_without_a_trace:
            if not self._lost_answers or not workflow.patched(TRUSTS_LESS):
                text = f"Nothing was recorded. {report.detail}"
                return await self._close(RecordingStatus.LOST, text)
            why = report.detail  # a start whose answer got lost may have worked since
        else:
            self._last_look = True
            days = options.RETRY_COMES.days
            text = f"Nobody asked for the recording again within {days} days: a last look for it."
            self._note("recording_last_look", text)
        if self._stopped or self._last_look:
            after = await self._looked_for_files(why)
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
        """No egress was ever begun, as far as anybody knows: there is no file to be found. What was
        looked for already and is not settled waits for an operator."""
        known = self._segments.expected or self._gaps or self._doubts or self._request.flaw
        return self._stopped and not known and not self._was_looked_for

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

    async def _looked_for_files(self, why: str = "") -> RecordingReport:
        """The call is over: what was recorded is looked for wherever it may be. `why`: what is
        known of the reason, should there be nothing."""
        self._was_looked_for = workflow.patched(TRUSTS_LESS)
        self._doubts = []
        await self._change(RecordingStatus.FINALISING, "The recording's files are looked for.")
        if not self._segments.expected:
            self._lost_answers += 1
            self._segments.follow(found := await self._found())
            if found is not None and self._was_looked_for:
                self._segments.seek(found)
        await self._ask_again()
        try:
            rescued = await steps.rescue_recording(self._request.call_id, self._segments.expected)
        except ActivityError as error:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, cause(error))
        for file in rescued.files:
            self._note_file(file)
        # After a month a doubt says no more than that nobody will ever know better.
        doubts = [] if self._last_look else self._doubts
        end = verdict(rescued, [*self._told_of_it, *self._unrecorded], doubts)
        detail = f"{end.detail} {why}" if end.status is RecordingStatus.LOST else end.detail
        return await self._close(end.status, detail.strip(), end.file)

    async def _ask_again(self) -> None:
        """Whether Egress has come to an end since, with what it still works on."""
        for egress in self._segments.unfinished:
            is_answered = await self._stop(egress)
            seen = await self._look_for_the_end(egress.egress_id)
            if not is_answered and seen is not None and self._is_dead(seen):
                self._segments.take(replace(seen, status=EgressStatus.UNKNOWN))
        for egress in self._segments.unfinished:
            text = f"Egress still works on {egress.object_key} ({egress.status.value})"
            self._doubts.append(f"{text}: ask again in a minute.")

    def _is_dead(self, egress: EgressSeen) -> bool:
        """An Egress service that was killed can write nothing any more: its recordings stay what
        they last were, for ever."""
        return (
            egress.status in (EgressStatus.STARTING, EgressStatus.ACTIVE)
            and self._over_since is not None
            and workflow.now() - self._over_since > options.EGRESS_IS_DEAD
            and workflow.patched(TRUSTS_LESS)
        )

    async def _look_for_the_end(self, egress_id: str) -> EgressSeen | None:
        """A moment for the webhook, then Egress is asked: what it answers."""
        try:
            await workflow.wait_condition(
                lambda: egress_id not in {one.egress_id for one in self._segments.unfinished},
                timeout=options.EGRESS_TELLS,
                timeout_summary="Egress tells when it has uploaded",
            )
        except TimeoutError:
            with contextlib.suppress(ActivityError):
                seen = await steps.look_at_egress(egress_id, self._request.room_name)
                self._segments.take(seen)
                return seen
        return None

    async def _let_egress_finish(self, report: RecordingReport) -> None:
        """What it still has would be uploaded after the deletion, and stay for ever: the store is
        told once there is no more to come, and deletes that as well."""
        unfinished = self._segments.unfinished
        if not unfinished or not workflow.patched(TRUSTS_LESS):
            return
        for egress in unfinished:
            await self._stop(egress)
            if egress.egress_id in {one.egress_id for one in self._segments.unfinished}:
                await self._wait_for_upload(egress)
        text = "Egress still worked on the recording that is deleted, until now."
        self._note("recording_ended_late", text)
        await self._write(report.status, report.detail)

    def _note_file(self, file: RecordingVerified) -> None:
        text = f"{file.object_key} is whole: {file.duration_seconds:.1f} s."
        data = {
            "object_key": file.object_key,
            "size_bytes": file.size_bytes,
            "duration_seconds": file.duration_seconds,
            "sha256": file.sha256,
        }
        self._journal.note(workflow.now(), "platform", "recording_file", text, data)
