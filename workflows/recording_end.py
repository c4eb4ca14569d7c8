"""A recording whose call is over: what there is of it is waited for, and checked."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import RecordingStatus
from contract.recordings import EgressSeen, EgressStatus, RecordingReport
from contract.steps import RecordingVerified
from workflows import options
from workflows import recording_steps as steps
from workflows.recording_base import (
    STAYS_OPEN,
    TRUSTS_LESS,
    RecordingBase,
    cause,
    is_hopeless,
    reason,
)
from workflows.recording_verdict import together

_IN_BACKUP = (
    "The object store did not take the recording; Egress keeps it in its backup storage. A retry "
    "brings it to its place."
)
_GIVEN_UP = "An attempt that was given up had recorded something. A retry looks for it."


class RecordingEnd(RecordingBase):
    async def _concluded(self) -> RecordingReport:
        if self._segments.current is None:
            self._segments.follow(await self._found())
        egress, flaws = self._segments.current, [*self._gaps, *self._doubts]
        if egress is None and flaws:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, together(flaws))
        if egress is None and self._segments.expected and workflow.patched(TRUSTS_LESS):
            # It was given up, and began to record before it was stopped.
            egress = self._segments.expected[-1]
            self._segments.follow(egress)
        if egress is None:
            return await self._never_began()
        final = await self._ended(egress)
        if final.status is not EgressStatus.COMPLETE:
            return await self._close(*self._unverified(final))
        return await self._verify(final)

    def _unverified(self, final: EgressSeen) -> tuple[RecordingStatus, str]:
        """Of one that did not end well: what that means, and why."""
        if final.status is EgressStatus.ABORTED:
            if self._unrecorded:  # this segment is empty, an earlier one is not
                return RecordingStatus.NEEDS_ATTENTION, together(self._unrecorded)
            if self._segments.expected and workflow.patched(TRUSTS_LESS):
                return RecordingStatus.NEEDS_ATTENTION, _GIVEN_UP
            return RecordingStatus.LOST, reason(final)
        flaws = [*self._unrecorded, *self._doubts]
        why = reason(final) if final.status.is_final or not flaws else flaws[-1]
        return RecordingStatus.NEEDS_ATTENTION, why

    async def _never_began(self) -> RecordingReport:
        if not self._stopped and workflow.patched(STAYS_OPEN):
            text = f"The recording could not be started. {self._failure}"
            return await self._close(RecordingStatus.NEEDS_ATTENTION, text)
        text = f"Nothing was recorded. {self._failure}".strip()
        return await self._close(RecordingStatus.LOST, text)

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

    async def _wait_for_upload(self, egress: EgressSeen) -> None:
        try:
            self._segments.take(
                await steps.await_egress_end(egress.egress_id, self._request.room_name)
            )
        except ActivityError as error:
            self._doubts.append(f"Egress never told of the upload: {cause(error)}")

    async def _verify(self, final: EgressSeen) -> RecordingReport:
        try:
            verified = await self._verified(final)
        except ActivityError as error:
            why = _IN_BACKUP if final.backup_used else cause(error)
            return await self._close(RecordingStatus.NEEDS_ATTENTION, why)
        if self._unrecorded:
            flaws = together(self._unrecorded)
            return await self._close(RecordingStatus.NEEDS_ATTENTION, flaws, verified)
        seconds = f"{verified.duration_seconds:.1f}"
        text = " ".join([f"The recording is whole: {seconds} s.", *self._told_of_it])
        return await self._close(RecordingStatus.READY, text, verified)

    async def _verified(self, final: EgressSeen) -> RecordingVerified:
        """Raises ActivityError. A store that is away is waited for, and everybody may know it; but
        not for what Egress could not bring there."""
        try:
            return await steps.verify_recording(self._request.call_id, final, options.VERIFY_ONCE)
        except ActivityError as error:
            if is_hopeless(error) or final.backup_used or not workflow.patched(TRUSTS_LESS):
                raise
            text = f"The recording's file could not be checked yet. {cause(error)}"
        await self._change(RecordingStatus.FINALISING, text)
        return await steps.verify_recording(self._request.call_id, final, options.VERIFY_RECORDING)
