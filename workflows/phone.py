"""The phone of a call: a line, one dial, one end. Web calls have none, and nothing happens here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from contract.endings import CallEnding, EndedBy, EndedReason
from contract.phone import Dialled, LegReport, PhoneSeen
from contract.rooms import PhoneRpc, PhoneState
from workflows import options, phone_steps, steps
from workflows.call_state import CallState
from workflows.exits import CallOver, ending_of_what_was_not_dialled, was_turned_away
from workflows.state.leaving import Gone
from workflows.waiting import give_up, refuse_when_over, unless_over, until, within

LIVEKIT_UNREACHABLE = "livekit-unreachable"  # activities.livekit_errors
_UNKNOWN = "Nobody can say what became of the dialling."


class Phone:
    def __init__(self, state: CallState) -> None:
        self._state = state
        self._dialling: workflow.ActivityHandle[Dialled] | None = None
        self._is_out = False  # LiveKit says so, who then hangs up
        self._watching: list[asyncio.Task[None]] = []

    def start(self) -> None:
        if self._state.phone.is_ordered:
            self._watching = [
                asyncio.create_task(self._notice_that_it_left()),
                asyncio.create_task(self._notice_that_it_is_unheard()),
            ]

    async def take_line(self) -> None:
        """Waits its turn, as long as the order says."""
        self._refuse_when_stale()
        left = timedelta(seconds=phone_steps.phone_of(self._state).queue_seconds)
        while True:
            patience = min(left, options.LINE_PATIENCE)
            asked = phone_steps.start_taking_line(self._state, patience)
            line = await unless_over(self._state, asked)
            if line.taken:
                return
            left -= patience
            if not left:
                text = line.detail or "Every line of the trunk is in use."
                raise self._over(CallEnding(EndedReason.CAPACITY, EndedBy.PLATFORM, text))

    async def dial(self) -> None:
        """Once. Returns when the phone is answered."""
        self._refuse_when_stale()
        state = self._state
        for _ in range(options.BRIDGES_TRIED):
            self._dialling = dialling = phone_steps.start_dialling(state)
            await until(state, _is_decided(state, dialling))
            if not was_turned_away(dialling):
                break
        if dialling.done():
            try:
                self._learn(await dialling)
            except ActivityError as error:
                await self._find_out(error)
        refuse_when_over(state)

    async def end(self) -> None:
        """Whatever became of the call: its phone is hung up. Returns when the leg is over, or when
        nobody says so in time."""
        for watching in self._watching:
            watching.cancel()
        if self._dialling is None:
            return
        phone = self._state.phone
        if not self._dialling.done():
            await self._stop_dialling(self._dialling)
        if phone.report is not None or self._was_not_dialled(self._dialling):
            return
        if phone.is_livekits:
            await self._put_out()
        elif phone.is_lost or not await self._hang_up():
            await self._remove_ghost()
        if not phone.is_lost and not (self._is_out and phone.gone):
            await self.report_comes()

    async def end_what_was_left(self) -> None:
        """Of a call whose own workflow dialled and was cut off. The leg outlives that."""
        phone = self._state.phone
        if phone.report is not None:
            return
        if phone.is_livekits:
            await self._put_out()
        elif not await self._hang_up():
            await self._remove_ghost()

    @property
    def may_live_on(self) -> bool:
        """Nobody knows that its leg is over: that the phone is not in the room is no proof."""
        phone = self._state.phone
        if self._dialling is None or phone.report is not None or phone.is_lost or self._is_out:
            return False
        return not self._was_not_dialled(self._dialling)

    async def report_comes(self) -> None:
        await within(
            options.LEG_ENDED_COMES,
            lambda: self._state.phone.report is not None,
            "Whoever carries the phone has this long to say how its leg ended",
        )

    def _refuse_when_stale(self) -> None:
        """Who asked for the call has given it up, or placed another one."""
        late = workflow.now() - workflow.info().workflow_start_time
        patience = timedelta(seconds=phone_steps.phone_of(self._state).queue_seconds)
        if late < patience + options.DIALLED_LATE:
            return
        # Calls that were late and went on before there was this rule still replay.
        if workflow.patched("late-calls-are-not-dialled"):
            minutes = late // timedelta(minutes=1)
            text = f"Not dialled: no worker carried the call on for {minutes} minutes."
            raise self._over(CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM, text))

    def _learn(self, dialled: Dialled) -> None:
        if dialled.refused is not None:
            self._state.phone.over(dialled.refused)
        elif dialled.answered_at is not None:
            # LiveKit SIP returns after the keys of the order; Atlas saw the answer itself.
            phone = self._state.phone
            phone.answered(dialled.answered_at, guessed=phone.is_livekits)

    async def _find_out(self, error: ActivityError) -> None:
        """The INVITE may have left or not. The room knows; never a second one."""
        not_dialled = ending_of_what_was_not_dialled(error)
        if not_dialled is not None:
            raise self._over(not_dialled)
        state = self._state
        text = f"What became of the dialling must be found out: {error.cause}."
        state.journal.note(workflow.now(), "platform", "dialling_unknown", text[:300])
        for _ in range(options.LOOKS_FOR_PHONE):  # a slow gateway brings it in late
            seen = await phone_steps.look_for_phone(state)
            patience = options.LEG_ENDED_COMES
            if seen.is_there and seen.state != PhoneState.ENDED:
                patience += timedelta(seconds=phone_steps.phone_of(state).ringing_timeout_seconds)
            if self._take_what_is_seen(seen) or await until(
                state,
                lambda: state.answered_at is not None,
                timeout=patience,
                summary="The phone may be answered, or its end be told, for so long",
            ):
                return
        unknown = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM, _UNKNOWN)
        state.end(unknown, workflow.now(), guessed=True)
        raise CallOver

    def _take_what_is_seen(self, seen: PhoneSeen) -> bool:
        """Whether it is answered."""
        if not seen.is_there or seen.state not in (PhoneState.ANSWERED, PhoneState.HELD):
            return False
        self._state.phone.answered(workflow.now(), guessed=True)
        return True

    async def _notice_that_it_left(self) -> None:
        """The bridge tells why, and LiveKit that; the bridge's word counts when it comes in time.
        One that lost its room tries to come back."""
        state, phone = self._state, self._state.phone
        while True:
            await workflow.wait_condition(lambda: phone.gone is not None and state.ending is None)
            # Whoever is handed on leaves before anybody says that they got there.
            await workflow.wait_condition(lambda: not phone.is_being_handed_on)
            gone = phone.gone
            if gone is None or state.ending is not None:
                continue
            patience = options.PHONE_COMES_BACK if gone.may_come_back else options.LEG_ENDED_COMES
            if await self._changes(gone, patience):
                continue
            if gone.may_come_back and await self._is_there():
                phone.came()
            else:
                state.end(phone.ending_of(gone), gone.at, guessed=True)

    async def _changes(self, gone: Gone, patience: timedelta) -> bool:
        return await within(
            patience,
            lambda: self._state.phone.gone is not gone or self._state.ending is not None,
            "The bridge has this long to come back, or to say why the phone left",
        )

    async def _notice_that_it_is_unheard(self) -> None:
        """Agents miss it; who does not answer us either is dead."""
        state, phone = self._state, self._state.phone
        while True:
            await workflow.wait_condition(
                lambda: phone.unheard_at is not None and state.ending is None
            )
            if await self._lives() or phone.report is not None:
                phone.answers()
            elif phone.unheard_at is not None:
                phone.is_gone_for_good()

    async def _is_there(self) -> bool:
        try:
            seen = await phone_steps.look_for_phone(self._state)
            return seen.is_there and seen.state != PhoneState.ENDED
        except ActivityError:
            return False

    async def _lives(self) -> bool:
        """Also when LiveKit cannot be asked: then agents may be the deaf ones."""
        try:
            return (await phone_steps.ping_phone(self._state)).is_there
        except ActivityError as error:
            cause = error.cause
            return isinstance(cause, ApplicationError) and cause.type == LIVEKIT_UNREACHABLE

    async def _stop_dialling(self, dialling: workflow.ActivityHandle[Dialled]) -> None:
        """CANCEL, and wait for what the far side says to it: it may have answered meanwhile."""
        phone = self._state.phone
        give_up(dialling)
        if not phone.is_lost:
            await within(
                options.DIALLING_STOPS,
                lambda: dialling.done() or phone.report is not None,
                "The bridge has this long to stop dialling",
            )
        if dialling.done() and not dialling.cancelled() and dialling.exception() is None:
            self._learn(dialling.result())

    @staticmethod
    def _was_not_dialled(dialling: workflow.ActivityHandle[Dialled]) -> bool:
        if not dialling.done() or dialling.cancelled():
            return False
        error = dialling.exception()
        return isinstance(error, ActivityError) and bool(ending_of_what_was_not_dialled(error))

    async def _hang_up(self) -> bool:
        """False: the phone is there and does not do it."""
        try:
            told = await phone_steps.start_telling(self._state, PhoneRpc.HANGUP, {})
        except ActivityError as error:
            workflow.logger.warning("The phone could not be hung up: %s", error.cause)
            return False
        try:
            if told.is_there:
                self._state.phone.over(LegReport.from_data(told.answer["ended"]))
        except (KeyError, TypeError, ValueError):
            workflow.logger.warning("The phone did not say how its leg ended")
        return True

    async def _put_out(self) -> None:
        """LiveKit SIP says BYE, or CANCEL, to whomever is removed from the room."""
        state = self._state
        try:
            out = await phone_steps.put_out_phone(state)
        except ActivityError as error:
            workflow.logger.warning("The phone could not be removed: %s", error.cause)
            return
        self._is_out = True
        if out.was_there:  # else it ended when it left, as somebody told or will
            answered = state.answered_at is not None
            state.phone.over(
                LegReport(
                    reason="hung-up",
                    by="us",
                    detail="We hung up.",
                    answered=answered,
                    ended_at=out.at,
                )
            )

    async def _remove_ghost(self) -> None:
        """A bridge that is dead, or deaf, says no BYE; one that wakes up finds itself removed."""
        try:
            await steps.remove_participant(self._state, self._state.request.human_identity)
        except ActivityError as error:
            workflow.logger.warning("The phone could not be removed: %s", error.cause)

    def _over(self, ending: CallEnding) -> CallOver:
        return CallOver.because(self._state, ending, workflow.now())


def _is_decided(state: CallState, dialling: workflow.ActivityHandle[Dialled]) -> Callable[[], bool]:
    return lambda: dialling.done() or state.answered_at is not None
