"""The story of one call's recording: start, keep going, stop, check what is in the store, and be
mended by operators where that did not work.

Attempts are made here and not by Temporal's activity retries: failed activity attempts leave no
trace in the history, and auditors want every attempt with its reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from contract.calls import RECORDING_UNDER_WAY, RecordingStatus
    from contract.facts import Fact, FactKind, FactSource
    from contract.janitor import CUT_OFF_KIND, RECORDING_CUT_OFF
    from contract.recordings import (
        ROOM_GONE_ERROR,
        EgressSeen,
        EgressStatus,
        RecordingReport,
        RecordingRequest,
        RecordingRetry,
    )
    from contract.steps import RecordingVerified, WriteRecording
    from workflows import options
    from workflows import recording_steps as steps
    from workflows import search_attributes as keys
    from workflows.journal import Journal
    from workflows.recording_retries import AskedRetry, RetryDesk
    from workflows.recording_segments import Segments
    from workflows.recording_verdict import verdict

# Recordings that began before operators could retry them come to their end as they did then.
_STAYS_OPEN = "recording-stays-open"


@workflow.defn
class RecordingWorkflow:
    """One call's recording, from the first attempt to a verified object.

    One that needs attention stays open for the update `retry`.
    """

    @workflow.init
    def __init__(self, request: RecordingRequest) -> None:
        self._request = request
        self._journal = Journal("recording")
        self._status = RecordingStatus.PENDING
        self._told_the_call = False
        self._attempt = 0
        self._lost_answers = 0
        self._breaks = 0
        self._begun_anew = 0
        self._segments = Segments()
        self._stopped = False
        self._deleted = False
        self._last_look = False
        self._failure = ""  # of the latest attempt, in words
        self._gaps: list[str] = []  # what was not recorded, whatever the files say
        self._doubts: list[str] = []  # why there may be more than is known
        self._remarks: list[str] = []  # to be told of a recording that is whole
        self._retries = RetryDesk()
        if request.left_behind:
            self._take_over(request)

    @workflow.run
    async def run(self, request: RecordingRequest) -> RecordingReport:
        while await self._recorded_until_it_broke():
            pass  # Egress died under a live call: what follows is recorded into a new file
        report = await self._concluded()
        while self._waits_for_a_retry(report):
            report = await self._mended(report)
        self._retries.close(report)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return report

    def _take_over(self, request: RecordingRequest) -> None:
        """From a workflow that was cut off. The call is over, so there is nothing to be started;
        what it started is found as a start is whose answer got lost."""
        self._stopped, self._attempt, self._lost_answers = True, request.attempts, 1
        self._journal = Journal("recording/left_behind")  # its lines are numbered from 1 as well
        text = "The recording's workflow was cut off. Its file is looked for."
        data = {"how": RECORDING_CUT_OFF}
        self._journal.note(workflow.now(), "platform", CUT_OFF_KIND, text, data)

    # --- While the call lives ---------------------------------------------------------------------

    async def _recorded_until_it_broke(self) -> bool:
        """True when the recording broke while the call goes on."""
        egress = await self._start()
        self._segments.follow(egress)
        if egress is None:
            return False
        if self._failure and not self._gaps:
            self._remarks = [f"It began with attempt {self._attempt}. {self._failure}"]
        await self._change(RecordingStatus.RECORDING, f"Recording, attempt {self._attempt}.")
        return await self._broke()

    async def _broke(self) -> bool:
        """Watches it. True when it broke, or never began, and is to be started again."""
        patience, what_for = options.EGRESS_BEGINS, "Look whether Egress has begun to record"
        while not self._stopped and not self._current.status.is_final:
            if not await self._news(patience, what_for):
                await self._look()
                if self._never_begins:
                    await self._give_up_egress()
                    return True
            patience, what_for = options.EGRESS_CHECK, "Look whether Egress still records"
        if self._stopped or not self._may_start_again():
            return False
        if self._current.status is EgressStatus.COMPLETE:
            await self._expect_the_calls_end()
            return False
        self._breaks += 1
        broke = f"Attempt {self._attempt} broke: {_reason(self._current)}"
        self._gaps.append(f"The recording has a gap. {broke}")
        await self._change(RecordingStatus.PENDING, broke)
        return True

    def _may_start_again(self) -> bool:
        if workflow.patched(_STAYS_OPEN):
            return self._breaks < options.RECORDING_RESTARTS
        return self._attempt <= len(options.RECORDING_START_BACKOFF)

    async def _expect_the_calls_end(self) -> None:
        """Egress ends by itself when the room closes; if the call goes on, somebody stopped it."""
        try:
            await workflow.wait_condition(lambda: self._stopped, timeout=options.CALL_ENDS_TOO)
        except TimeoutError:
            self._gaps.append("Egress ended before the call did; the rest was not recorded.")

    @property
    def _never_begins(self) -> bool:
        return (
            self._current.status is EgressStatus.STARTING
            and not self._stopped
            and self._begun_anew < options.EGRESS_BEGUN_ANEW
            and workflow.patched(_STAYS_OPEN)
        )

    async def _give_up_egress(self) -> None:
        """It hears nobody: because it hangs, or because nobody has published audio yet."""
        egress = self._current
        self._begun_anew += 1
        self._segments.give_up(egress)
        seconds = options.EGRESS_BEGINS.total_seconds()
        self._failure = f"Attempt {self._attempt} heard nothing for {seconds:.0f} s."
        await self._stop(egress)
        await self._change(RecordingStatus.PENDING, self._failure)

    async def _start(self) -> EgressSeen | None:
        """Tries with growing pauses. None when the call ended first or starting is hopeless."""
        for pause in self._pauses():
            if self._stopped:
                return None
            self._attempt += 1
            try:
                return await self._start_once()
            except ActivityError as error:
                if pause is None or _is_hopeless(error):
                    return None
                await self._pause(pause, _cause(error))
        return None

    def _pauses(self) -> Iterator[timedelta | None]:
        yield from options.RECORDING_START_BACKOFF
        if workflow.patched(_STAYS_OPEN):
            yield from options.RECORDING_START_GOES_ON
        yield None

    async def _start_once(self) -> EgressSeen:
        """Raises ActivityError, which it has noted."""
        request = self._request
        try:
            return await steps.start_egress(
                request.call_id, request.room_name, self._attempt, self._segments.given_up
            )
        except ActivityError as error:
            self._failure = f"Attempt {self._attempt} failed: {_cause(error)}"
            self._note("recording_attempt_failed", self._failure)
            self._lost_answers += 0 if _is_hopeless(error) else 1
            self._stopped = self._stopped or _is_room_gone(error)
            raise

    # --- The call is over -------------------------------------------------------------------------

    async def _concluded(self) -> RecordingReport:
        if self._segments.current is None:
            self._segments.follow(await self._found())
        egress, flaws = self._segments.current, [*self._gaps, *self._doubts]
        if egress is None and flaws:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, flaws[0])
        if egress is None:
            return await self._never_began()
        final = await self._ended(egress)
        if final.status is not EgressStatus.COMPLETE:
            return await self._close(*self._unverified(final))
        return await self._verify(final)

    def _unverified(self, final: EgressSeen) -> tuple[RecordingStatus, str]:
        """Of one that did not end well: what that means, and why."""
        if final.status is EgressStatus.ABORTED:
            if self._gaps:  # this segment is empty, an earlier one is not
                return RecordingStatus.NEEDS_ATTENTION, self._gaps[0]
            return RecordingStatus.LOST, _reason(final)
        flaws = [*self._gaps, *self._doubts]
        why = _reason(final) if final.status.is_final or not flaws else flaws[-1]
        return RecordingStatus.NEEDS_ATTENTION, why

    async def _never_began(self) -> RecordingReport:
        if not self._stopped and workflow.patched(_STAYS_OPEN):
            text = f"The recording could not be started. {self._failure}"
            return await self._close(RecordingStatus.NEEDS_ATTENTION, text)
        text = f"Nothing was recorded. {self._failure}".strip()
        return await self._close(RecordingStatus.LOST, text)

    async def _found(self) -> EgressSeen | None:
        """A start whose answer was lost with its worker may have worked all the same."""
        if not self._lost_answers:
            return None
        try:
            found = await steps.find_egress(
                self._request.call_id, self._request.room_name, self._attempt
            )
        except ActivityError as error:
            self._doubts.append(f"Whether anything was recorded is not known: {_cause(error)}")
            return None
        return None if found.status is EgressStatus.UNKNOWN else found

    async def _ended(self, egress: EgressSeen) -> EgressSeen:
        """Stop Egress if it still runs, and wait until it has uploaded."""
        if egress.status.is_final:
            return egress
        await self._stop(egress)
        await self._tell_the_call(RecordingStatus.FINALISING)
        if not await self._news(options.EGRESS_TELLS, "Egress tells when it has uploaded"):
            # Most uploads are done before anybody could read this.
            await self._change(RecordingStatus.FINALISING, "The recording is being uploaded.")
            await self._wait_for_upload(egress)
        return self._current

    async def _stop(self, egress: EgressSeen) -> None:
        try:
            stopped = await steps.stop_egress(egress.egress_id, self._request.room_name)
        except ActivityError as error:
            self._note("recording_stop_failed", f"Egress could not be stopped: {_cause(error)}")
        else:
            self._segments.take(stopped)

    async def _wait_for_upload(self, egress: EgressSeen) -> None:
        try:
            self._segments.take(
                await steps.await_egress_end(egress.egress_id, self._request.room_name)
            )
        except ActivityError as error:
            self._doubts.append(f"Egress never told of the upload: {_cause(error)}")

    async def _verify(self, final: EgressSeen) -> RecordingReport:
        try:
            verified = await steps.verify_recording(self._request.call_id, final)
        except ActivityError as error:
            why = _IN_BACKUP if final.backup_used else _cause(error)
            return await self._close(RecordingStatus.NEEDS_ATTENTION, why)
        if self._gaps:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, self._gaps[0], verified)
        seconds = f"{verified.duration_seconds:.1f}"
        text = " ".join([f"The recording is whole: {seconds} s.", *self._remarks])
        return await self._close(RecordingStatus.READY, text, verified)

    async def _close(
        self, status: RecordingStatus, detail: str, verified: RecordingVerified | None = None
    ) -> RecordingReport:
        await self._change(status, detail, verified)
        return RecordingReport(status=status, attempts=self._attempt, detail=detail)

    # --- Retries ----------------------------------------------------------------------------------

    def _waits_for_a_retry(self, report: RecordingReport) -> bool:
        return (
            report.status is RecordingStatus.NEEDS_ATTENTION
            and not self._last_look
            and workflow.patched(_STAYS_OPEN)
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
        known = self._segments.expected or self._gaps or self._doubts
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
            return await self._close(RecordingStatus.NEEDS_ATTENTION, _cause(error))
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

    # --- Messages --------------------------------------------------------------------------------

    @workflow.signal(description="The call is over")
    def stop(self) -> None:
        self._stopped = True

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

    # --- Waiting and telling ---------------------------------------------------------------------

    @property
    def _current(self) -> EgressSeen:
        assert self._segments.current is not None
        return self._segments.current

    async def _news(self, patience: timedelta, summary: str) -> bool:
        """True when the recording ended or was told to stop within this time."""
        stopped_before = self._stopped
        try:
            await workflow.wait_condition(
                lambda: (self._stopped and not stopped_before) or self._current.status.is_final,
                timeout=patience,
                timeout_summary=summary,
            )
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        try:
            self._segments.take(
                await steps.look_at_egress(self._current.egress_id, self._request.room_name)
            )
        except ActivityError as error:
            workflow.logger.warning("Egress did not answer: %s", error.cause)

    async def _pause(self, pause: timedelta, why: str) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._stopped,
                timeout=pause,
                timeout_summary=f"Next attempt in {pause.total_seconds():.0f} s: {why}"[:180],
            )
        except TimeoutError:
            return

    async def _change(
        self, status: RecordingStatus, text: str, verified: RecordingVerified | None = None
    ) -> None:
        """Tell everybody: Temporal's searches, the store, and the call while it is still there."""
        self._status = status
        self._note(f"recording_{status.value}", text)
        workflow.upsert_search_attributes([keys.RECORDING_STATUS.value_set(status.value)])
        workflow.set_current_details(f"**{status.value.replace('_', ' ')}**  \n{text}")
        if status not in RECORDING_UNDER_WAY:
            await self._tell_the_call(status)
        egress = self._segments.current
        await steps.write_recording(
            WriteRecording(
                call_id=self._request.call_id,
                status=status,
                attempts=self._attempt,
                egress_id=egress.egress_id if egress else None,
                detail=text,
                object_key=verified.object_key if verified else None,
                duration_seconds=verified.duration_seconds if verified else None,
                size_bytes=verified.size_bytes if verified else None,
                sha256=verified.sha256 if verified else None,
                entries=self._journal.take(),
            ),
            f"Write: {text}"[:180],
        )

    async def _tell_the_call(self, status: RecordingStatus, *, again: bool = False) -> None:
        """Once: the call waits for the end of the audio, all the rest the store knows. `again`: it
        is to wait for it once more."""
        if self._told_the_call and not again:
            return
        self._told_the_call = not again
        fact = Fact(
            id=f"{workflow.info().workflow_id}/{status.value}/{self._attempt}",
            source=FactSource.RECORDING,
            kind=FactKind.RECORDING_CHANGED,
            at=workflow.now(),
            data={"status": status.value},
        )
        call = workflow.get_external_workflow_handle(self._request.call_id)
        # A call that is closed needs no telling: the store has it all.
        with contextlib.suppress(ApplicationError, FailureError):
            await call.signal("fact", fact.to_dict())

    def _note(self, kind: str, text: str) -> None:
        self._journal.note(workflow.now(), "platform", kind, text)


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


_IN_BACKUP = (
    "The object store did not take the recording; Egress keeps it in its backup storage. A retry "
    "brings it to its place."
)


def _reason(egress: EgressSeen) -> str:
    code = f" ({egress.error_code})" if egress.error_code else ""
    return f"Egress {egress.status.value}{code}: {egress.error or 'no reason given'}"


def _cause(error: ActivityError) -> str:
    return str(error.cause or error)[:300]


def _is_hopeless(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable


def _is_room_gone(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == ROOM_GONE_ERROR
