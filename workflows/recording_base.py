"""What the parts of a recording's story share: what is known, waiting, and telling others."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from contract.calls import RECORDING_UNDER_WAY, RecordingStatus
from contract.facts import FACT_SIGNAL, Fact, FactKind, FactSource
from contract.janitor import CUT_OFF_KIND, RECORDING_CUT_OFF
from contract.recordings import (
    EgressSeen,
    EgressStatus,
    RecordingReport,
    RecordingRequest,
    RecordingStop,
)
from contract.steps import RecordingVerified, WriteRecording
from workflows import recording_steps as steps
from workflows import search_attributes as keys
from workflows.journal import Journal
from workflows.recording_segments import Segments
from workflows.recording_times import late_beginning, missing_end

# Recordings that began before operators could retry them come to their end as they did then.
STAYS_OPEN = "recording-stays-open"
# Those that began before this was mended do not ask Egress for more, look for more or wait longer
# than they did: an egress that ends under a live call, one that does not let itself be stopped, a
# start whose answer got lost, a store that is away.
TRUSTS_LESS = "recording-trusts-egress-less"

_BEGAN_ANEW = (
    "It was begun more than once before its workflow was cut off: some of the call may be in "
    "another file, or missing. A retry looks for all of them."
)


class RecordingBase:
    def __init__(self, request: RecordingRequest) -> None:
        self._request = request
        self._journal = Journal("recording")
        self._status = RecordingStatus.PENDING
        self._told_the_call = False
        self._attempt = 0
        self._lost_answers = 0
        self._segments = Segments()
        self._stopped = False
        self._over_since: datetime | None = None  # by our clock
        self._call_ended_at: datetime | None = None  # by the call's
        self._failure = ""  # of the latest attempt, in words
        self._gaps: list[str] = []  # what was not recorded, whatever the files say
        self._doubts: list[str] = []  # why there may be more than is known
        self._remarks: list[str] = []  # to be told of a recording that is whole
        if request.left_behind:
            self._take_over(request)

    def _take_over(self, request: RecordingRequest) -> None:
        """From a workflow that was cut off. The call is over, so there is nothing to be started;
        what it started is found as a start is whose answer got lost."""
        self._attempt, self._lost_answers = request.attempts, 1
        self._call_is_over()
        # Its lines are numbered from 1 as well, and it may be cut off in its turn.
        self._journal = Journal(f"recording/left_behind/{workflow.info().run_id[:8]}")
        text = "The recording's workflow was cut off. Its file is looked for."
        if request.flaw:
            text = "The recording's workflow was cut off. It waits for an operator again."
            self._remarks = [f"Before its workflow was cut off it was said: {request.flaw}"]
        elif request.began_anew:
            self._gaps = [_BEGAN_ANEW]
        data = {"how": RECORDING_CUT_OFF}
        self._journal.note(workflow.now(), "platform", CUT_OFF_KIND, text, data)

    @property
    def _current(self) -> EgressSeen:
        assert self._segments.current is not None
        return self._segments.current

    @property
    def _unrecorded(self) -> list[str]:
        """What is missing, as far as Egress and the call have told it by now."""
        return [*self._gaps, *missing_end(self._segments.expected, self._call_ended_at)]

    @property
    def _told_of_it(self) -> list[str]:
        """What is said of a recording that is whole."""
        return [
            *self._remarks,
            *late_beginning(self._segments.followed, self._request.talk_began_at),
        ]

    def _call_is_over(self, told: RecordingStop | None = None) -> None:
        self._stopped = True
        self._over_since = self._over_since or workflow.now()
        if told is not None and told.call_ended_at is not None:
            self._call_ended_at = told.call_ended_at

    async def _found(self) -> EgressSeen | None:
        """A start whose answer was lost with its worker may have worked all the same."""
        if not self._lost_answers:
            return None
        try:
            found = await steps.find_egress(
                self._request.call_id, self._request.room_name, self._attempt
            )
        except ActivityError as error:
            self._doubts.append(f"Whether anything was recorded is not known: {cause(error)}")
            return None
        return None if found.status is EgressStatus.UNKNOWN else found

    async def _stop(self, egress: EgressSeen) -> bool:
        """False when Egress did not answer."""
        try:
            stopped = await steps.stop_egress(egress.egress_id, self._request.room_name)
        except ActivityError as error:
            self._note("recording_stop_failed", f"Egress could not be stopped: {cause(error)}")
            return False
        self._segments.take(stopped)
        return True

    # --- Waiting and telling ---------------------------------------------------------------------

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

    async def _close(
        self, status: RecordingStatus, detail: str, verified: RecordingVerified | None = None
    ) -> RecordingReport:
        await self._change(status, detail, verified)
        return RecordingReport(status=status, attempts=self._attempt, detail=detail)

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
        await self._write(status, text, verified)

    async def _write(
        self, status: RecordingStatus, text: str, verified: RecordingVerified | None = None
    ) -> None:
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
            await call.signal(FACT_SIGNAL, fact.to_dict())

    def _note(self, kind: str, text: str) -> None:
        self._journal.note(workflow.now(), "platform", kind, text)


def is_hopeless(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable


def cause(error: ActivityError) -> str:
    return str(error.cause or error)[:300]


def reason(egress: EgressSeen) -> str:
    code = f" ({egress.error_code})" if egress.error_code else ""
    words = egress.error or egress.details.removeprefix("End reason: ") or "no reason given"
    return f"Egress {egress.status.value}{code}: {words}"
