"""The story of one call. Start reading at `run`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from contract.calls import (
        CallReport,
        CallRequest,
        CallStatus,
        Direction,
        HangupAnswer,
        HangupCommand,
        RecordingStatus,
        RoomReady,
    )
    from contract.endings import CallEnding, EndedBy, EndedReason
    from contract.facts import Fact
    from workflows import options, steps
    from workflows.agent_posts import AgentPosts
    from workflows.call_state import CallState
    from workflows.exits import (
        CallOver,
        ending_from,
        is_call_unknown,
        is_workflow_exit,
        unhurried,
    )
    from workflows.journal import Journal
    from workflows.record_keeper import RecordKeeper
    from workflows.recording_link import RecordingLink


@workflow.defn
class CallWorkflow:
    """One phone or web call, from request to settled record."""

    @workflow.init
    def __init__(self, request: CallRequest) -> None:
        self._request = request
        self._state = CallState(request, Journal("workflow"))
        self._keeper = RecordKeeper(self._state)
        self._posts = AgentPosts(self._state)
        self._recording = RecordingLink(self._state)

    @workflow.run
    async def run(self, request: CallRequest) -> CallReport:
        self._keeper.start()
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
        self._ended_meanwhile()  # withdrawn while no worker was there
        await self._find_the_assistant()
        await self._open_room()
        await self._agents_come()
        if self._request.direction is Direction.OUTBOUND:
            await self._dial()
        await self._answered()
        await self._tell_atlas_to_start()
        await self._start_recording()
        await self._hung_up()

    async def _find_the_assistant(self) -> None:
        """A room that others made says in its metadata who should answer; else the default one."""
        if self._request.assistant_id is None:
            self._request = self._state.request = await steps.choose_assistant(self._request)

    async def _open_room(self) -> None:
        self._ended_meanwhile()
        self._state.room_asked_for = True
        opened = await steps.open_room(self._state)
        self._state.room_sid = opened.room_sid
        self._state.room_opened = True
        self._note("room_opened", "platform", "The room is open, both agents are on their way.")
        self._ended_meanwhile()

    async def _agents_come(self) -> None:
        """Atlas must; without Media Bot the call goes on, and the timeline says so."""
        self._posts.start()
        await self._until(lambda: self._state.atlas.came)

    async def _dial(self) -> None:
        # Dialling comes with the bridge; no endpoint starts an outbound call before that.
        raise CallOver.because(
            self._state,
            CallEnding(EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM, "No trunk can dial yet."),
            workflow.now(),
        )

    async def _answered(self) -> None:
        came = await self._until(
            lambda: self._state.answered_at is not None,
            timeout=options.CALLER_JOINS,
            summary="The caller has this long to join",
        )
        if not came:
            raise CallOver.because(
                self._state,
                CallEnding(EndedReason.NO_ANSWER, EndedBy.CALLER, "The caller never joined."),
                workflow.now(),
            )

    async def _tell_atlas_to_start(self) -> None:
        await self._posts.tell_atlas_to_start()
        self._ended_meanwhile()

    async def _start_recording(self) -> None:
        if self._request.record:
            await self._recording.start()

    async def _hung_up(self) -> None:
        """Holds, transfers and DTMF arrive meanwhile; the call lasts until somebody ends it."""
        assert self._state.answered_at is not None
        talked = workflow.now() - self._state.answered_at
        limit = timedelta(seconds=self._request.max_duration_seconds) - talked
        await self._until(
            lambda: False,
            timeout=max(limit, timedelta(0)),
            summary="The longest this call may last",
        )
        raise CallOver.because(
            self._state,
            CallEnding(EndedReason.MAX_DURATION, EndedBy.PLATFORM, "The call reached its limit."),
            workflow.now(),
        )

    # --- The wrap-up: the same on every path -----------------------------------------------------

    async def _wrap_up(self) -> CallReport:
        ending = self._state.ending
        assert ending is not None
        self._state.status = CallStatus.ENDED
        self._note("ended", ending.ended_by.value, ending.detail, reason=ending.reason.value)
        await self._posts.dismiss()
        await self._posts.say_goodbye()
        await self._recording.stop()
        await self._close_room()
        await self._collect_usage()
        await self._settle_bill()
        await self._keeper.finish()
        while self._state.room_reopened:
            self._state.room_reopened = False
            await self._close_room()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._report(ending)

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
        if self._state.answered_at is None or not self._state.opening_started:
            return  # nobody spoke, nothing was used
        current, usage = self._state.atlas.generation, self._state.usage
        await _within(options.USAGE_ARRIVES, lambda: current in usage, "Atlas reports its usage")

    @property
    def _usage_complete(self) -> bool:
        """Also of an Atlas that was killed in mid-call, whose report nobody will ever have."""
        spoke = self._state.generations_ready if self._state.opening_started else set()
        return spoke <= self._state.usage.keys()

    async def _settle_bill(self) -> None:
        """The ledger row and its line on the timeline are one transaction."""
        try:
            await steps.settle_bill(self._state, self._usage_complete)
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

    # --- Messages: handlers set state, the story acts --------------------------------------------

    @workflow.signal(description="Things happened in the call")
    def facts(self, raw: list[Any]) -> None:
        for each in raw:
            self.fact(each)

    @workflow.signal(description="Something happened in the call")
    def fact(self, raw: Any) -> None:
        # An exception here would fail the call or wedge its task: a bad fact is logged and dropped.
        try:
            self._state.apply(Fact.from_dict(raw))
        except (ValueError, TypeError, KeyError) as wrong:
            workflow.logger.warning("A fact was dropped: %s", wrong)

    @workflow.update(description="Wait until the room is open")
    async def room_ready(self) -> RoomReady:
        await workflow.wait_condition(
            lambda: self._state.room_opened or self._state.ending is not None
        )
        self._refuse_when_over()
        return RoomReady(self._request.room_name, self._state.room_sid)

    @workflow.update(description="An operator hangs up")
    def hangup(self, command: HangupCommand) -> HangupAnswer:
        # No words of the operator here: `detail` reaches search results and the client.
        ending = CallEnding(
            EndedReason.OPERATOR_HUNG_UP, EndedBy.OPERATOR, "An operator ended the call."
        )
        self._note(
            "hangup_requested",
            "operator",
            command.reason or "An operator hung up.",
            requested_by=command.requested_by,
        )
        self._state.end(ending, workflow.now())
        return HangupAnswer(ending.reason, ending.ended_by)

    @hangup.validator
    def _hangup_is_possible(self, command: HangupCommand) -> None:
        self._refuse_when_over()

    def _refuse_when_over(self) -> None:
        if self._state.ending is not None:
            raise ApplicationError(
                f"The call is over: {self._state.ending.detail}",
                self._state.ending.reason.value,
                type="call-ended",
                non_retryable=True,
            )

    # --- Waiting ---------------------------------------------------------------------------------

    async def _until(
        self,
        condition: Callable[[], bool],
        *,
        timeout: timedelta | None = None,
        summary: str | None = None,
    ) -> bool:
        """True when the condition holds, False on timeout. Raises CallOver once it is over."""
        state = self._state
        happened = await _within(timeout, lambda: state.ending is not None or condition(), summary)
        self._ended_meanwhile()
        return happened

    def _ended_meanwhile(self) -> None:
        if self._state.ending is not None:
            raise CallOver

    def _note(self, kind: str, actor: str, text: str, **data: Any) -> None:
        self._state.journal.note(workflow.now(), actor, kind, text, data)


async def _within(
    timeout: timedelta | None, condition: Callable[[], bool], summary: str | None
) -> bool:
    try:
        await workflow.wait_condition(condition, timeout=timeout, timeout_summary=summary)
    except TimeoutError:
        return False
    return True
