"""Tells the room who holds, and ends a hold that lasts too long."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import HoldAnswer, HoldCommand
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.holds import Holder
from workflows import options, phone_steps, steps
from workflows.call_state import CallState
from workflows.phone_controls import refusal
from workflows.waiting import within


class HoldKeeper:
    """Holders of ours change here first, and one loop tells the room the newest state of them: what
    changed several times while it wrote is written once. The far side's holds are told to the room
    by the bridge, and to us by its facts."""

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._tasks: list[asyncio.Task[None]] = []
        self._was_missed = False  # nobody was there to be told
        self._told = self._wanted
        self._told_generation = 1
        self._begun = self._done = 0  # tellings

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._tell_the_room()),
            asyncio.create_task(self._end_the_longest()),
            asyncio.create_task(self._end_the_assistants()),
        ]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """Every hold ends with the call."""
        if self._state.ended_at is not None:
            self._state.holds.close(self._state.ended_at)

    def refuse_who_does_not_hold(self, holder: Holder) -> None:
        """Raises ApplicationError, for the validator of `resume`."""
        if holder not in self._state.holds.ours:
            raise refusal(f"The {holder.value} does not hold this call.", "call-not-held")

    async def hold(self, command: HoldCommand) -> HoldAnswer:
        """Returns when the room knows. Again by the same holder: nothing."""
        self._state.holds.hold(command.holder, workflow.now(), **_who(command))
        return await self._answer()

    async def resume(self, command: HoldCommand) -> HoldAnswer:
        self._state.holds.resume(command.holder, workflow.now(), **_who(command))
        return await self._answer()

    async def _answer(self) -> HoldAnswer:
        """Once the telling that has it is over, whatever has changed since."""
        telling = self._begun + 1 if self._has_news else self._begun
        await workflow.wait_condition(
            lambda: self._state.ending is not None or self._done >= telling or self._is_told
        )
        return HoldAnswer(tuple(sorted(self._state.holds.holders)))

    # --- Telling ---------------------------------------------------------------------------------

    @property
    def _wanted(self) -> tuple[frozenset[Holder], int, str]:
        """What is to be on the human's participant: whose holds, since which clash with the
        bridge, on which connection (a page that reloads has lost its attributes)."""
        holds = self._state.holds
        is_for_this_one = bool(holds.ours) or self._was_missed
        return holds.ours, holds.crossed, self._state.people.sid if is_for_this_one else ""

    @property
    def _has_successor(self) -> bool:
        """An Atlas that came into a call that is held."""
        atlas = self._state.atlas
        is_new = atlas.generation != self._told_generation
        return is_new and atlas.ready and not atlas.lost and self._state.is_held

    @property
    def _has_news(self) -> bool:
        return self._wanted != self._told or self._has_successor

    @property
    def _is_told(self) -> bool:
        return self._done == self._begun and not self._has_news

    async def _tell_the_room(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._has_news)
            self._begun += 1
            wanted, hold = self._wanted, self._state.holds.next_state()
            sid = self._state.people.sid
            self._told_generation = self._state.atlas.generation
            seq, is_written = hold.seq, True
            if wanted != self._told:
                try:
                    written = await phone_steps.write_hold(self._state, hold)
                    seq = written.seq
                    self._state.holds.written(seq, over=written.over)
                    # Who comes back after the end of a hold must hear of it: Media Bot keeps them
                    # apart until then. Calls from before hold isolation do without.
                    has_isolation = self._state.request.media is not None
                    self._was_missed = has_isolation and not written.is_there
                    wanted = (*wanted[:2], sid if wanted[0] or self._was_missed else "")
                except ActivityError as error:
                    workflow.logger.warning("The hold could not be written: %s", error.cause)
                    is_written = False
            await self._tell_atlas(seq)
            self._done = self._begun
            if is_written:
                self._told = wanted
            else:
                await workflow.sleep(options.HOLD_AGAIN, summary="Tell the hold again")

    async def _tell_atlas(self, seq: int) -> None:
        atlas = self._state.atlas
        if not atlas.ready or atlas.lost:
            return  # its successor will be told
        try:
            await steps.tell_atlas_of_hold(self._state, self._state.is_held, seq)
        except ActivityError as error:
            workflow.logger.warning("Atlas was not told of the hold: %s", error.cause)

    # --- The limit -------------------------------------------------------------------------------

    async def _end_the_longest(self) -> None:
        """The timer is not moved by a hold that ends: it looks again what there is when it fires,
        so that a far side that flaps costs nothing."""
        holds, state = self._state.holds, self._state
        longest = timedelta(seconds=state.request.max_hold_seconds)
        while state.ending is None:
            await workflow.wait_condition(lambda: holds.held_since is not None)
            assert holds.held_since is not None
            left = holds.held_since + longest - workflow.now()
            if left > timedelta(0):
                await workflow.sleep(min(left, longest), summary="The longest hold")
                continue
            text = "The call was on hold for too long."
            state.end(CallEnding(EndedReason.MAX_HOLD, EndedBy.PLATFORM, text), workflow.now())

    async def _end_the_assistants(self) -> None:
        """An assistant that holds hears nothing, so it cannot say when it is enough."""
        holds, state = self._state.holds, self._state
        while state.ending is None:
            await workflow.wait_condition(lambda: holds.assistant_until is not None)
            assert holds.assistant_until is not None
            if not await self._ends_sooner(holds.assistant_until):
                holds.resume(Holder.ASSISTANT, workflow.now())

    async def _ends_sooner(self, until: datetime) -> bool:
        """Somebody resumes it, or the call is over."""
        state = self._state
        return await within(
            max(until - workflow.now(), timedelta(0)),
            lambda: state.ending is not None or state.holds.assistant_until != until,
            "The assistant's hold",
        )


def refuse_foreign_holder(command: HoldCommand) -> None:
    """Raises ApplicationError: nobody here can hold for the far side."""
    if command.holder is Holder.REMOTE:
        raise refusal("Only the far side itself can hold or resume for it.", "call-not-held")


def _who(command: HoldCommand) -> dict[str, str]:
    told = {"requested_by": command.requested_by, "reason": command.reason}
    return {name: value for name, value in told.items() if value}
