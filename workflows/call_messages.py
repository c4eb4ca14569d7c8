"""What others say to a call and ask of it: handlers set state, the story acts."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from contract.calls import (
    DtmfCommand,
    HangupAnswer,
    HangupCommand,
    HoldAnswer,
    HoldCommand,
    LanguageAnswer,
    LanguageCommand,
    PlayAnswer,
    PlayCommand,
    RoomReady,
    StopPlayingCommand,
    TransferAnswer,
    TransferCommand,
)
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import FACT_SIGNAL, FACTS_SIGNAL, Fact
from workflows.call_state import CallState
from workflows.holds import HoldKeeper, refuse_foreign_holder
from workflows.media import MediaKeeper
from workflows.phone_controls import PhoneControls, refusal
from workflows.transcription import TranscriptionKeeper

# No words of the operator here: `detail` reaches search results and the client.
_HUNG_UP = CallEnding(EndedReason.OPERATOR_HUNG_UP, EndedBy.OPERATOR, "An operator ended the call.")


class CallMessages:
    """The part of CallWorkflow that Temporal's signals and updates arrive at."""

    _state: CallState
    _holds: HoldKeeper
    _media: MediaKeeper
    _phone_controls: PhoneControls
    _transcription: TranscriptionKeeper

    @workflow.signal(name=FACTS_SIGNAL, description="Things happened in the call")
    def facts(self, raw: list[Any]) -> None:
        for each in raw:
            self.fact(each)

    @workflow.signal(name=FACT_SIGNAL, description="Something happened in the call")
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
        return RoomReady(self._state.request.room_name, self._state.room_sid)

    # --- Hang-up ---------------------------------------------------------------------------------

    @workflow.update(description="An operator hangs up")
    def hangup(self, command: HangupCommand) -> HangupAnswer:
        self._state.journal.note(
            workflow.now(),
            "operator",
            "hangup_requested",
            command.reason or "An operator hung up.",
            {"requested_by": command.requested_by},
        )
        self._state.end(_HUNG_UP, workflow.now())
        return HangupAnswer(_HUNG_UP.reason, _HUNG_UP.ended_by)

    @hangup.validator
    def _hangup_is_possible(self, command: HangupCommand) -> None:
        self._refuse_when_over()

    # --- Holds -----------------------------------------------------------------------------------

    @workflow.update(description="Put the call on hold")
    async def hold(self, command: HoldCommand) -> HoldAnswer:
        return await self._holds.hold(command)

    @hold.validator
    def _hold_is_possible(self, command: HoldCommand) -> None:
        self._refuse_unless_talking()
        refuse_foreign_holder(command)

    @workflow.update(description="End a hold")
    async def resume(self, command: HoldCommand) -> HoldAnswer:
        return await self._holds.resume(command)

    @resume.validator
    def _resume_is_possible(self, command: HoldCommand) -> None:
        self._refuse_unless_talking()
        refuse_foreign_holder(command)
        self._holds.refuse_who_does_not_hold(command.holder)

    # --- Transcription ---------------------------------------------------------------------------

    @workflow.update(description="Change the language of the transcription")
    async def language(self, command: LanguageCommand) -> LanguageAnswer:
        return await self._transcription.change_language(command)

    @language.validator
    def _language_is_changeable(self, command: LanguageCommand) -> None:
        self._refuse_unless_talking()
        self._transcription.refuse_when_off()

    # --- Clips -----------------------------------------------------------------------------------

    @workflow.update(description="Play a clip to the human")
    async def play(self, command: PlayCommand) -> PlayAnswer:
        return await self._media.play(command)

    @play.validator
    def _play_is_possible(self, command: PlayCommand) -> None:
        self._refuse_unless_talking()
        self._media.refuse_while_held()

    @workflow.update(description="End the clip")
    async def stop_playing(self, command: StopPlayingCommand) -> None:
        await self._media.stop_playing(command)

    @stop_playing.validator
    def _stop_is_possible(self, command: StopPlayingCommand) -> None:
        self._refuse_unless_talking()

    # --- The phone -------------------------------------------------------------------------------

    @workflow.update(description="Press keys on the phone")
    async def dtmf(self, command: DtmfCommand) -> None:
        await self._phone_controls.press(command)

    @dtmf.validator
    def _dtmf_is_possible(self, command: DtmfCommand) -> None:
        self._refuse_unless_talking()
        self._phone_controls.refuse_without_phone()
        self._phone_controls.refuse_wrong_keys(command.digits)

    @workflow.update(description="Hand the phone on to another number")
    async def transfer(self, command: TransferCommand) -> TransferAnswer:
        return await self._phone_controls.transfer(command)

    @transfer.validator
    def _transfer_is_possible(self, command: TransferCommand) -> None:
        self._refuse_unless_talking()
        self._phone_controls.refuse_without_phone()

    # --- Refusals --------------------------------------------------------------------------------

    def _refuse_unless_talking(self) -> None:
        self._refuse_when_over()
        if self._state.answered_at is None:
            raise refusal("The call is not answered yet.", "call-not-answered")

    def _refuse_when_over(self) -> None:
        ending = self._state.ending
        if ending is not None:
            raise ApplicationError(
                f"The call is over: {ending.detail}",
                ending.reason.value,
                type="call-ended",
                non_retryable=True,
            )
