"""The story of one call's recording: start, keep going, stop, check what is in the store.

Attempts are made here and not by Temporal's activity retries: failed activity attempts leave no
trace in the history, and auditors want every attempt with its reason.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from contract.calls import RECORDING_UNDER_WAY, RecordingStatus
    from contract.facts import Fact, FactKind, FactSource
    from contract.janitor import CUT_OFF_KIND, RECORDING_CUT_OFF
    from contract.recordings import EgressSeen, EgressStatus, RecordingReport, RecordingRequest
    from contract.steps import RecordingVerified, WriteRecording
    from workflows import options
    from workflows import recording_steps as steps
    from workflows import search_attributes as keys
    from workflows.journal import Journal


@workflow.defn
class RecordingWorkflow:
    """One call's recording, from the first attempt to a verified object."""

    @workflow.init
    def __init__(self, request: RecordingRequest) -> None:
        self._request = request
        self._journal = Journal("recording")
        self._told_the_call = False
        self._attempt = 0
        self._lost_answers = 0
        self._egress: EgressSeen | None = None
        self._stopped = False
        self._flaws: list[str] = []  # why the recording is not whole, whatever its last file says
        if request.left_behind:
            self._take_over(request)

    @workflow.run
    async def run(self, request: RecordingRequest) -> RecordingReport:
        while await self._recorded_until_it_broke():
            pass  # Egress died under a live call: what follows is recorded into a new file
        if self._egress is None:
            self._egress = await self._found()
        if self._egress is None and self._flaws:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, self._flaws[0])
        if self._egress is None:
            return await self._close(RecordingStatus.LOST, "Nothing was recorded.")
        final = await self._ended(self._egress)
        if final.status is not EgressStatus.COMPLETE:
            why = _reason(final) if final.status.is_final or not self._flaws else self._flaws[-1]
            return await self._close(self._verdict(final), why)
        return await self._verify(final)

    def _take_over(self, request: RecordingRequest) -> None:
        """From a workflow that was cut off. The call is over, so there is nothing to be started;
        what it started is found as a start is whose answer got lost."""
        self._stopped, self._attempt, self._lost_answers = True, request.attempts, 1
        self._journal = Journal("recording/left_behind")  # its lines are numbered from 1 as well
        text = "The recording's workflow was cut off. Its file is looked for."
        data = {"how": RECORDING_CUT_OFF}
        self._journal.note(workflow.now(), "platform", CUT_OFF_KIND, text, data)

    # --- Steps -----------------------------------------------------------------------------------

    async def _recorded_until_it_broke(self) -> bool:
        """True when the recording broke while the call goes on."""
        self._egress = await self._start()
        if self._egress is None:
            return False
        await self._change(RecordingStatus.RECORDING, f"Recording, attempt {self._attempt}.")
        while not self._stopped and not self._egress.status.is_final:
            if not await self._news(options.EGRESS_CHECK, "Look whether Egress still records"):
                await self._look()
        if self._stopped or self._attempt > len(options.RECORDING_START_BACKOFF):
            return False
        if self._egress.status is EgressStatus.COMPLETE:
            await self._expect_the_calls_end()
            return False
        broke = f"Attempt {self._attempt} broke: {_reason(self._egress)}"
        self._flaws.append(f"The recording has a gap. {broke}")
        await self._change(RecordingStatus.PENDING, broke)
        return True

    async def _expect_the_calls_end(self) -> None:
        """Egress ends by itself when the room closes; if the call goes on, somebody stopped it."""
        try:
            await workflow.wait_condition(lambda: self._stopped, timeout=options.CALL_ENDS_TOO)
        except TimeoutError:
            self._flaws.append("Egress ended before the call did; the rest was not recorded.")

    async def _start(self) -> EgressSeen | None:
        """Tries with growing pauses. None when the call ended first or starting is hopeless."""
        for pause in (*options.RECORDING_START_BACKOFF, None):
            if self._stopped:
                return None
            self._attempt += 1
            try:
                return await steps.start_egress(
                    self._request.call_id, self._request.room_name, self._attempt
                )
            except ActivityError as error:
                why = _cause(error)
                self._note("recording_attempt_failed", f"Attempt {self._attempt} failed: {why}")
                self._lost_answers += 0 if _is_hopeless(error) else 1
                if pause is None or _is_hopeless(error):
                    return None
                await self._pause(pause, why)
        return None

    async def _found(self) -> EgressSeen | None:
        """A start whose answer was lost with its worker may have worked all the same."""
        if not self._lost_answers:
            return None
        try:
            found = await steps.find_egress(
                self._request.call_id, self._request.room_name, self._attempt
            )
        except ActivityError as error:
            self._flaws.append(f"Whether anything was recorded is not known: {_cause(error)}")
            return None
        return None if found.status is EgressStatus.UNKNOWN else found

    async def _ended(self, egress: EgressSeen) -> EgressSeen:
        """Stop Egress if it still runs, and wait until it has uploaded."""
        if egress.status.is_final:
            return egress
        try:
            stopped = await steps.stop_egress(egress.egress_id, self._request.room_name)
        except ActivityError as error:
            self._note("recording_stop_failed", f"Egress could not be stopped: {_cause(error)}")
            stopped = egress
        self._take(stopped)
        await self._tell_the_call(RecordingStatus.FINALISING)
        if not await self._news(options.EGRESS_TELLS, "Egress tells when it has uploaded"):
            # Most uploads are done before anybody could read this.
            await self._change(RecordingStatus.FINALISING, "The recording is being uploaded.")
            await self._wait_for_upload(egress)
        assert self._egress is not None
        return self._egress

    async def _wait_for_upload(self, egress: EgressSeen) -> None:
        try:
            self._take(await steps.await_egress_end(egress.egress_id, self._request.room_name))
        except ActivityError as error:
            self._flaws.append(f"Egress never told of the upload: {_cause(error)}")

    async def _verify(self, final: EgressSeen) -> RecordingReport:
        try:
            verified = await steps.verify_recording(self._request.call_id, final)
        except ActivityError as error:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, _cause(error))
        if self._flaws:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, self._flaws[0], verified)
        seconds = f"{verified.duration_seconds:.1f}"
        return await self._close(
            RecordingStatus.READY, f"The recording is whole: {seconds} s.", verified
        )

    def _verdict(self, final: EgressSeen) -> RecordingStatus:
        aborted = final.status is EgressStatus.ABORTED
        return RecordingStatus.LOST if aborted else RecordingStatus.NEEDS_ATTENTION

    async def _close(
        self, status: RecordingStatus, detail: str, verified: RecordingVerified | None = None
    ) -> RecordingReport:
        await self._change(status, detail, verified)
        return RecordingReport(status=status, attempts=self._attempt, detail=detail)

    # --- Messages --------------------------------------------------------------------------------

    @workflow.signal(description="The call is over")
    def stop(self) -> None:
        self._stopped = True

    @workflow.signal(description="Egress tells of a recording")
    def egress(self, raw: dict[str, Any]) -> None:
        try:
            self._take(EgressSeen.from_dict(raw))
        except ValueError as wrong:
            workflow.logger.warning("An egress event was dropped: %s", wrong)

    def _take(self, seen: EgressSeen) -> None:
        """Webhooks come late and twice: a recording that has ended stays ended."""
        current = self._egress
        if current is None or seen.egress_id != current.egress_id or current.status.is_final:
            return
        self._egress = seen

    # --- Waiting and telling ---------------------------------------------------------------------

    async def _news(self, patience: timedelta, summary: str) -> bool:
        """True when the recording ended or was told to stop within this time."""
        stopped_before = self._stopped
        try:
            await workflow.wait_condition(
                lambda: (
                    (self._stopped and not stopped_before)
                    or (self._egress is not None and self._egress.status.is_final)
                ),
                timeout=patience,
                timeout_summary=summary,
            )
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        assert self._egress is not None
        try:
            self._take(await steps.look_at_egress(self._egress.egress_id, self._request.room_name))
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
        self._note(f"recording_{status.value}", text)
        workflow.upsert_search_attributes([keys.RECORDING_STATUS.value_set(status.value)])
        workflow.set_current_details(f"**{status.value.replace('_', ' ')}**  \n{text}")
        if status not in RECORDING_UNDER_WAY:
            await self._tell_the_call(status)
        egress = self._egress
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

    async def _tell_the_call(self, status: RecordingStatus) -> None:
        """Once: the call waits for the end of the audio, all the rest the store knows."""
        if self._told_the_call:
            return
        self._told_the_call = True
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


def _reason(egress: EgressSeen) -> str:
    code = f" ({egress.error_code})" if egress.error_code else ""
    return f"Egress {egress.status.value}{code}: {egress.error or 'no reason given'}"


def _cause(error: ActivityError) -> str:
    return str(error.cause or error)[:300]


def _is_hopeless(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable
