"""A recording while its call lives: attempts to start it, and watching what was started."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from contract.calls import RecordingStatus
from contract.recordings import ROOM_GONE_ERROR, EgressSeen, EgressStatus, RecordingRequest
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


class RecordingAttempts(RecordingBase):
    def __init__(self, request: RecordingRequest) -> None:
        super().__init__(request)
        self._breaks = 0
        self._broken = ""  # the latest time, in words
        self._begun_anew = 0
        self._ended_early: EgressSeen | None = None  # sound, and the call seemed to go on

    async def _recorded_until_it_broke(self) -> bool:
        """True when the recording broke while the call goes on."""
        egress = await self._start()
        early, self._ended_early = self._ended_early, None
        if early is not None and egress is None:
            await self._remains_the_last(early)
            return False
        if early is not None:
            self._gaps.append(f"The recording has a gap. {self._broken}")
        self._segments.follow(egress)
        if egress is None:
            return False
        if self._failure and not self._gaps:
            self._remarks = [f"It began with attempt {self._attempt}. {self._failure}"]
        await self._change(RecordingStatus.RECORDING, f"Recording, attempt {self._attempt}.")
        return await self._broke()

    async def _broke(self) -> bool:
        """Watches it. True when it broke, or never began, and is to be started again."""
        patience, what_for = options.EGRESS_BEGINS, "Look whether Egress has begun to record"
        while not self._stopped and not self._current.status.is_final:
            if not await self._news(patience, what_for):
                await self._look()
                if self._never_begins and await self._gave_up_egress():
                    return True
            patience, what_for = options.EGRESS_CHECK, "Look whether Egress still records"
        if self._stopped or not self._may_start_again():
            return False
        if self._current.status is EgressStatus.COMPLETE:
            if await self._call_ends_too() or not self._is_to_go_on():
                return False
            self._ended_early = self._current
            self._broken = f"Attempt {self._attempt} ended before the call: {reason(self._current)}"
        else:
            self._broken = f"Attempt {self._attempt} broke: {reason(self._current)}"
            self._gaps.append(f"The recording has a gap. {self._broken}")
        self._breaks += 1
        await self._change(RecordingStatus.PENDING, self._broken)
        return True

    def _may_start_again(self) -> bool:
        if workflow.patched(STAYS_OPEN):
            return self._breaks < options.RECORDING_RESTARTS
        return self._attempt <= len(options.RECORDING_START_BACKOFF)

    async def _call_ends_too(self) -> bool:
        """Egress ends by itself when the room closes."""
        try:
            await workflow.wait_condition(lambda: self._stopped, timeout=options.CALL_ENDS_TOO)
        except TimeoutError:
            return False
        return True

    def _is_to_go_on(self) -> bool:
        """Egress was shut down, or lost the room; but whoever stopped it wanted that."""
        if not self._current.was_told_to_stop and workflow.patched(TRUSTS_LESS):
            return True
        who = " Somebody stopped it." if self._current.was_told_to_stop else ""
        self._gaps.append(f"Egress ended before the call did; the rest was not recorded.{who}")
        return False

    async def _remains_the_last(self, early: EgressSeen) -> None:
        """Nothing was begun after it. If that is because the call is over, their times tell what is
        missing; a start with a lost answer may have worked."""
        later = await self._found()
        if later is not None and later.egress_id != early.egress_id:
            self._gaps.append(f"The recording has a gap. {self._broken}")
        elif not self._stopped:
            self._gaps.append(f"The rest was not recorded. {self._broken}. {self._failure}")
        self._segments.follow(later or early)

    @property
    def _never_begins(self) -> bool:
        return (
            self._current.status is EgressStatus.STARTING
            and not self._stopped
            and self._begun_anew < options.EGRESS_BEGUN_ANEW
            and workflow.patched(STAYS_OPEN)
        )

    async def _gave_up_egress(self) -> bool:
        """It hears nobody: because it hangs, or because nobody has published audio yet. False: it
        cannot be stopped, so another one beside it would be a second one once it wakes up."""
        egress = self._current
        is_stopped = await self._stop(egress)
        if not is_stopped and workflow.patched(TRUSTS_LESS):
            return False
        self._begun_anew += 1
        self._segments.give_up(egress)
        seconds = options.EGRESS_BEGINS.total_seconds()
        self._failure = f"Attempt {self._attempt} heard nothing for {seconds:.0f} s."
        await self._change(RecordingStatus.PENDING, self._failure)
        return True

    async def _start(self) -> EgressSeen | None:
        """Tries with growing pauses. None when the call ended first or starting is hopeless."""
        for pause in self._pauses():
            if self._stopped:
                return None
            self._attempt += 1
            try:
                return await self._start_once()
            except ActivityError as error:
                if pause is None or is_hopeless(error):
                    return None
                await self._pause(pause, cause(error))
        return None

    def _pauses(self) -> Iterator[timedelta | None]:
        yield from options.RECORDING_START_BACKOFF
        if workflow.patched(STAYS_OPEN):
            yield from options.RECORDING_START_GOES_ON
        yield None

    async def _start_once(self) -> EgressSeen:
        """Raises ActivityError, which it has noted."""
        request = self._request
        try:
            return await steps.start_egress(
                request.call_id, request.room_name, self._attempt, self._segments.given_up
            )
        except ActivityError as error:
            self._failure = f"Attempt {self._attempt} failed: {cause(error)}"
            self._note("recording_attempt_failed", self._failure)
            self._lost_answers += 0 if is_hopeless(error) else 1
            if _is_room_gone(error):
                self._call_is_over()
            raise

    async def _look(self) -> None:
        try:
            self._segments.take(
                await steps.look_at_egress(self._current.egress_id, self._request.room_name)
            )
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


def _is_room_gone(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == ROOM_GONE_ERROR
