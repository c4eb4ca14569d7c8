"""A recording whose call is over: what there is of it is waited for, and checked."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import RecordingStatus
from contract.recordings import EgressSeen, EgressStatus, RecordingReport
from workflows import options
from workflows import recording_steps as steps
from workflows.recording_base import STAYS_OPEN, RecordingBase, cause, reason

_IN_BACKUP = (
    "The object store did not take the recording; Egress keeps it in its backup storage. A retry "
    "brings it to its place."
)


class RecordingEnd(RecordingBase):
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
            return RecordingStatus.LOST, reason(final)
        flaws = [*self._gaps, *self._doubts]
        why = reason(final) if final.status.is_final or not flaws else flaws[-1]
        return RecordingStatus.NEEDS_ATTENTION, why

    async def _never_began(self) -> RecordingReport:
        if not self._stopped and workflow.patched(STAYS_OPEN):
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
            self._doubts.append(f"Whether anything was recorded is not known: {cause(error)}")
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

    async def _wait_for_upload(self, egress: EgressSeen) -> None:
        try:
            self._segments.take(
                await steps.await_egress_end(egress.egress_id, self._request.room_name)
            )
        except ActivityError as error:
            self._doubts.append(f"Egress never told of the upload: {cause(error)}")

    async def _verify(self, final: EgressSeen) -> RecordingReport:
        try:
            verified = await steps.verify_recording(self._request.call_id, final)
        except ActivityError as error:
            why = _IN_BACKUP if final.backup_used else cause(error)
            return await self._close(RecordingStatus.NEEDS_ATTENTION, why)
        if self._gaps:
            return await self._close(RecordingStatus.NEEDS_ATTENTION, self._gaps[0], verified)
        seconds = f"{verified.duration_seconds:.1f}"
        text = " ".join([f"The recording is whole: {seconds} s.", *self._remarks])
        return await self._close(RecordingStatus.READY, text, verified)
