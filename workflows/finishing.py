"""The wrap-up of a call whose own workflow was cut off before, or within, its own."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from contract.calls import CallStatus
    from contract.endings import CallEnding, EndedBy, EndedReason
    from contract.facts import Fact
    from contract.identity import AgentRole, recording_workflow_id
    from contract.janitor import (
        CUT_OFF_KIND,
        NOT_CUT_OFF_ERROR,
        CallLeft,
        CallToFinish,
        CutOff,
        FinishReport,
    )
    from contract.recordings import EgressStatus
    from contract.steps import Step, WriteRecord
    from workflows import options, phone_steps, recording_steps, steps
    from workflows import search_attributes as keys
    from workflows.call_state import CallState
    from workflows.exits import is_call_unknown
    from workflows.journal import Journal
    from workflows.phone import Phone

_SAID = {
    CutOff.TERMINATED: "was terminated in Temporal",
    CutOff.TIMED_OUT: "ran out of its time in Temporal",
    CutOff.FAILED: "failed",
    CutOff.CANCELLED: "was cancelled in Temporal",
    CutOff.COMPLETED: "ended without writing its record",
    CutOff.NEVER_STARTED: "never started",
}
_BLAMED = {
    CutOff.TERMINATED: (EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR),
    CutOff.CANCELLED: (EndedReason.CANCELLED, EndedBy.OPERATOR),
    CutOff.NEVER_STARTED: (EndedReason.CANCELLED, EndedBy.PLATFORM),
}
_RECORDS = (EgressStatus.STARTING, EgressStatus.ACTIVE)
_LONGEST_REASON = 200


@workflow.defn
class FinishCallWorkflow:
    """Finishes one call. Every step may be done twice: by a second one of this, or by the call's
    own workflow before it was cut off."""

    @workflow.run
    async def run(self, call: CallToFinish) -> FinishReport:
        try:
            self._left = await steps.do(
                Step.READ_WHAT_IS_LEFT,
                call.call_id,
                CallLeft,
                "Read what is known of the call",
                options.READ_WHAT_IS_LEFT,
            )
        except ActivityError as error:
            if not _is_not_cut_off(error):
                raise
            return FinishReport(finished=False, detail=str(error.cause))
        self._state = _state_of(self._left)
        return await self._wrap_up()

    # --- The wrap-up, in the order of a call's own -----------------------------------------------

    async def _wrap_up(self) -> FinishReport:
        state, is_open = self._state, self._left.ending is None
        is_there = is_open and await self._human_is_there()
        until_we_end_it = self._judge(is_there)
        if is_open and state.phone.is_ordered:
            await Phone(state).end_what_was_left()
        await self._stop_recording()
        await self._close_room()
        if until_we_end_it and state.phone.report is None and self._is_in_livekit:
            state.set_ended_at(workflow.now())  # so long they could speak and be heard
        self._note_the_end()
        try:
            await steps.settle_bill(state, knows_holds=False)
            await self._write_record()
        except ActivityError as error:
            if not is_call_unknown(error):
                raise
        await workflow.sleep(options.LATE_AGENTS_COME, summary="Agents that were on their way come")
        await self._close_room()
        assert state.ending is not None
        return FinishReport(
            finished=True, detail=state.ending.detail, talk_seconds=state.talk_seconds
        )

    @property
    def _is_in_livekit(self) -> bool:
        """Who is in the room talks. The participant of a bridge that does not answer is no proof:
        it outlives its process by 20 s."""
        phone = self._state.phone
        return phone.is_livekits or not phone.is_ordered

    async def _human_is_there(self) -> bool:
        """False also of whom nobody can see: what they talked is billed up to what is known."""
        try:
            return (await phone_steps.look_for_phone(self._state)).is_there
        except ActivityError as error:
            workflow.logger.warning("The room cannot be looked into: %s", error.cause)
            return False

    def _judge(self, is_there: bool) -> bool:
        """Gives the call its ending, unless it had one when it was cut off. True: the talk goes on
        until somebody ends it now. Both are guesses: whoever carries the leg may know better."""
        state, gone = self._state, self._state.phone.gone
        if state.ending is not None:
            return False
        if gone is not None and not is_there:
            state.end(state.phone.ending_of(gone), gone.at, guessed=True)
        else:
            state.end(_ending_of(self._left), self._left.last_heard_at, guessed=True)
        return is_there

    async def _stop_recording(self) -> None:
        """Returns once Egress has all the audio. The recording's own workflow checks it; if that
        was cut off too, the next round finds it."""
        request = self._state.request
        if not request.record:
            return
        recording = workflow.get_external_workflow_handle(recording_workflow_id(request.call_id))
        with contextlib.suppress(ApplicationError, FailureError):
            await recording.signal("stop")
        try:
            egress = await recording_steps.find_egress(request.call_id, request.room_name, 0)
            if egress.status in _RECORDS:
                await recording_steps.stop_egress(egress.egress_id, request.room_name)
        except ActivityError as error:
            workflow.logger.warning("The recording could not be stopped: %s", error.cause)

    async def _close_room(self) -> None:
        try:
            await steps.close_room(self._state)
        except ActivityError:
            text = "LiveKit could not be told to close the room."
            self._note(workflow.now(), "platform", "room_not_closed", text)

    def _note_the_end(self) -> None:
        state, left, ending = self._state, self._left, self._state.ending
        assert ending is not None
        state.status = CallStatus.ENDED
        blamed = _ending_of(left)
        self._note(
            left.cut_off_at,
            blamed.ended_by.value,
            CUT_OFF_KIND,
            f"{blamed.detail} The janitor finishes the call.",
            how=left.how.value,
        )
        # For operators alone: it may be the name of a person, or of a machine of theirs.
        workflow.set_current_details(f"{blamed.detail}  \nby {left.by or 'nobody that is known'}")
        if left.ending is None:
            reason = ending.reason.value
            self._note(workflow.now(), ending.ended_by.value, "ended", ending.detail, reason=reason)

    async def _write_record(self) -> None:
        state, ending = self._state, self._state.ending
        assert ending is not None
        await steps.write_record(
            WriteRecord(
                call_id=state.request.call_id,
                status=CallStatus.ENDED,
                answered_at=state.answered_at,
                ended_at=state.ended_at,
                ending=ending,
                talk_seconds=state.talk_seconds,
                entries=state.journal.take(),
            ),
            f"Write: {ending.detail}"[:180],
        )
        workflow.upsert_search_attributes(
            [
                keys.ENDED_REASON.value_set(ending.reason.value),
                keys.ENDED_BY.value_set(ending.ended_by.value),
            ]
        )

    def _note(self, at: datetime, actor: str, kind: str, text: str, **data: Any) -> None:
        self._state.journal.note(at, actor, kind, text, data)


def _state_of(left: CallLeft) -> CallState:
    """What the call's own workflow knew of itself, by the same facts."""
    state = CallState(left.request, Journal("facts"))
    for raw in left.facts:
        try:
            fact = Fact.from_dict(raw)
            state.agents.follow(fact)
            state.apply(fact)
        except (ValueError, TypeError, KeyError) as wrong:
            workflow.logger.warning("A fact was dropped: %s", type(wrong).__name__)
    state.journal = Journal("janitor")  # what the facts say is on the timeline already
    state.room_sid = left.room_sid or state.room_sid
    if left.ending is not None:
        state.answered_at, state.ending, state.ended_at = (
            left.answered_at,
            left.ending,
            left.ended_at or left.cut_off_at,
        )
    elif state.answered_at is None and left.answered_at is not None:
        state.answer(left.answered_at)
    if state.answered_at is not None and state.ending is None:
        # An Atlas that was about to open did so after the cut, with nobody left to tell.
        state.agents.opening_started = True
    if left.request.transcribe and state.answered_at is not None:
        # Each that came; and one must have come, though nobody told of it.
        bot = AgentRole.MEDIA_BOT
        came = {stay.generation for stay in state.agents.stays if stay.role is bot}
        state.agents.transcribers |= came or {state.agents.posts[bot].generation}
    return state


def _ending_of(left: CallLeft) -> CallEnding:
    why = f": {left.why[:_LONGEST_REASON]}" if left.why else ""
    text = f"The call's workflow {_SAID[left.how]}{why}."
    reason, by = _BLAMED.get(left.how, (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM))
    return CallEnding(reason, by, text)


def _is_not_cut_off(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == NOT_CUT_OFF_ERROR
