"""The story of one call. Start reading at `run`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.calls import CallReport, CallRequest, CallStatus, Direction, RecordingStatus
    from contract.endings import CallEnding, EndedBy, EndedReason
    from workflows import options, steps
    from workflows.agent_posts import AgentPosts
    from workflows.call_messages import CallMessages
    from workflows.call_state import CallState
    from workflows.exits import (
        CallOver,
        ending_from,
        is_call_unknown,
        is_workflow_exit,
        unhurried,
    )
    from workflows.holds import HoldKeeper
    from workflows.journal import Journal
    from workflows.media import MediaKeeper
    from workflows.phone import Phone
    from workflows.phone_controls import PhoneControls
    from workflows.record_keeper import RecordKeeper
    from workflows.recording_link import RecordingLink
    from workflows.transcription import TranscriptionKeeper
    from workflows.waiting import refuse_when_over, until, within


@workflow.defn
class CallWorkflow(CallMessages):
    """One phone or web call, from request to settled record."""

    @workflow.init
    def __init__(self, request: CallRequest) -> None:
        self._request = request
        self._state = CallState(request, Journal("workflow"))
        self._keeper = RecordKeeper(self._state)
        self._posts = AgentPosts(self._state)
        self._phone = Phone(self._state)
        self._phone_controls = PhoneControls(self._state)
        self._holds = HoldKeeper(self._state)
        self._transcription = TranscriptionKeeper(self._state)
        self._media = MediaKeeper(self._state)
        self._recording = RecordingLink(self._state)

    @workflow.run
    async def run(self, request: CallRequest) -> CallReport:
        self._keeper.start()
        self._holds.start()
        self._transcription.start()
        self._media.start()
        self._phone.start()
        try:
            await self._carry_the_call()
        except CallOver:
            pass  # the state has the ending
        except BaseException as error:
            if not is_workflow_exit(error):  # a bug: let Temporal retry the task after a fix
                raise
            self._state.end(ending_from(error), workflow.now())
        return await unhurried(self._wrap_up())

    # --- The story -------------------------------------------------------------------------------

    async def _carry_the_call(self) -> None:
        refuse_when_over(self._state)  # withdrawn while no worker was there
        await self._find_the_assistant()
        if self._request.phone is not None:
            await self._phone.take_line()
        await self._open_room()
        await self._agents_come()
        if self._request.direction is Direction.OUTBOUND:
            await self._dial()
        else:
            await self._caller_joins()
        await self._tell_atlas_to_start()
        await self._start_recording()
        await self._hung_up()

    async def _find_the_assistant(self) -> None:
        """A room that others made says in its metadata who should answer; else the default one."""
        if self._request.assistant_id is None:
            self._request = self._state.request = await steps.choose_assistant(self._request)

    async def _open_room(self) -> None:
        refuse_when_over(self._state)
        self._state.room_asked_for = True
        opened = await steps.open_room(self._state)
        self._state.room_sid = opened.room_sid
        self._state.room_opened = True
        self._state.journal.note(
            workflow.now(),
            "platform",
            "room_opened",
            "The room is open, both agents are on their way.",
            can_wait=self._request.phone is not None,  # it rings soon, and one write serves both
        )
        refuse_when_over(self._state)

    async def _agents_come(self) -> None:
        """Atlas must; without Media Bot the call goes on, and the timeline says so. Whoever is
        rung up is to be spoken to at once, so there Atlas has to be ready."""
        self._posts.start()
        await until(self._state, lambda: self._state.atlas.came)
        if self._request.phone is not None and not await until(
            self._state,
            lambda: self._state.atlas.ready,
            timeout=options.ATLAS_GETS_READY,
            summary="Atlas has this long to be able to speak",
        ):
            text = "Atlas came, and was not ready in time."
            raise self._over(CallEnding(EndedReason.ASSISTANT_FAILED, EndedBy.PLATFORM, text))

    async def _dial(self) -> None:
        if self._request.phone is None:
            text = "Nobody said over which trunk to call."
            raise self._over(CallEnding(EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM, text))
        await self._phone.dial()

    async def _caller_joins(self) -> None:
        if not await until(
            self._state,
            lambda: self._state.answered_at is not None,
            timeout=options.CALLER_JOINS,
            summary="The caller has this long to join",
        ):
            text = "The caller never joined."
            raise self._over(CallEnding(EndedReason.NO_ANSWER, EndedBy.CALLER, text))

    async def _tell_atlas_to_start(self) -> None:
        await self._posts.tell_atlas_to_start()
        refuse_when_over(self._state)

    async def _start_recording(self) -> None:
        if self._request.record:
            await self._recording.start()

    async def _hung_up(self) -> None:
        """Holds, transfers and DTMF arrive meanwhile; the call lasts until somebody ends it."""
        assert self._state.answered_at is not None
        talked = workflow.now() - self._state.answered_at
        limit = timedelta(seconds=self._request.max_duration_seconds) - talked
        await until(
            self._state,
            lambda: False,
            timeout=max(limit, timedelta(0)),
            summary="The longest this call may last",
        )
        text = "The call reached its limit."
        raise self._over(CallEnding(EndedReason.MAX_DURATION, EndedBy.PLATFORM, text))

    # --- The wrap-up: the same on every path -----------------------------------------------------

    async def _wrap_up(self) -> CallReport:
        self._holds.stop()
        self._transcription.stop()
        self._media.stop()
        await self._media.sound_the_end()
        await self._phone.end()  # first, so that nobody pays for our goodbyes
        if self._phone.may_live_on:
            await self._end_the_phone_by_its_room()
        ending = self._state.ending
        assert ending is not None
        self._holds.close()
        self._state.status = CallStatus.ENDED
        self._note("ended", ending.ended_by.value, ending.detail, reason=ending.reason.value)
        await self._posts.dismiss()
        await self._posts.say_goodbye()
        await self._recording.stop()
        if not self._state.room_closed:
            await self._close_room()
        await self._collect_usage()
        await self._settle_bill()
        await self._keeper.finish()
        while self._state.room_reopened:
            self._state.room_reopened = False
            await self._close_room()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._report(ending)

    async def _end_the_phone_by_its_room(self) -> None:
        """A bridge that we do not reach says BYE when its room goes, and tells when that was."""
        await self._posts.dismiss()
        await self._recording.stop()
        await self._close_room()
        await self._phone.report_comes()

    async def _close_room(self) -> None:
        """Also when opening it failed: the failed try may have made the room all the same."""
        self._state.room_closed = True
        if not self._state.room_asked_for:
            return
        try:
            await steps.close_room(self._state)
        except ActivityError:
            self._note(
                "room_not_closed", "platform", "LiveKit could not be told to close the room."
            )

    async def _collect_usage(self) -> None:
        agents = self._state.agents
        if not self._state.was_answered:
            return  # nobody spoke, nothing was used
        if agents.owes_usage or agents.opening_started:
            settled = "The agents report their usage"
            await within(options.USAGE_ARRIVES, lambda: not agents.owes_usage, settled)

    async def _settle_bill(self) -> None:
        """The ledger row and its line on the timeline are one transaction."""
        try:
            await steps.settle_bill(self._state)
        except ActivityError as error:
            if not is_call_unknown(error):
                raise

    def _report(self, ending: CallEnding) -> CallReport:
        return CallReport(
            call_id=self._request.call_id,
            ended_reason=ending.reason,
            ended_by=ending.ended_by,
            detail=ending.detail,
            talk_seconds=self._state.talk_seconds,
            recording_requested=self._state.recording is not RecordingStatus.NOT_REQUESTED,
        )

    def _over(self, ending: CallEnding) -> CallOver:
        return CallOver.because(self._state, ending, workflow.now())

    def _note(self, kind: str, actor: str, text: str, **data: Any) -> None:
        self._state.journal.note(workflow.now(), actor, kind, text, data)
