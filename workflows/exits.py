"""How a call's story is left, and how the wrap-up is protected from being left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    TimeoutError,
    TimeoutType,
    is_cancelled_exception,
)

from contract.endings import CallEnding, EndedBy, EndedReason
from contract.phone import NotDialled
from contract.steps import CALL_UNKNOWN_ERROR
from workflows.call_state import CallState

T = TypeVar("T")

_BY_WHAT_WAS_NOT_DIALLED = {
    NotDialled.TRUNK_GONE: (EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM),
    NotDialled.TRUNK_DISABLED: (EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM),
    NotDialled.TRUNK_UNUSABLE: (EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM),
    NotDialled.TRUNK_BUSY: (EndedReason.CAPACITY, EndedBy.PLATFORM),
    NotDialled.ROOM_GONE: (EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN),
    NotDialled.LIVEKIT_AWAY: (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    NotDialled.SIP_AWAY: (EndedReason.PROVIDER_ERROR, EndedBy.PROVIDER),
    NotDialled.SIP_BUSY: (EndedReason.CAPACITY, EndedBy.PROVIDER),
    NotDialled.STORE_AWAY: (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    NotDialled.CALL_OVER: (EndedReason.CANCELLED, EndedBy.PLATFORM),
    NotDialled.SHUTDOWN: (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
}


class CallOver(Exception):
    """The call has its ending: the story stops wherever it is."""

    @classmethod
    def because(cls, state: CallState, ending: CallEnding, at: datetime) -> CallOver:
        state.end(ending, at)
        return cls()


def is_workflow_exit(error: BaseException) -> bool:
    """Cancellation and Temporal's own failures leave the story; everything else is a bug."""
    return isinstance(error, FailureError) or is_cancelled_exception(error)


def is_call_unknown(error: ActivityError) -> bool:
    """The API has taken back the row of a call whose start it could not be sure of."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == CALL_UNKNOWN_ERROR


def ending_from(error: BaseException) -> CallEnding:
    if is_cancelled_exception(error):
        return CallEnding(EndedReason.CANCELLED, EndedBy.OPERATOR, "The workflow was cancelled.")
    if isinstance(error, ActivityError):
        known = ending_of_what_was_not_dialled(error)
        if known is not None:
            return known
    step = error.activity_type.replace("_", " ") if isinstance(error, ActivityError) else "a step"
    reason = f": {_root(error)}" if error.__cause__ else ""
    return CallEnding(
        EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM, f"The platform failed to {step}{reason}"[:300]
    )


def ending_of_what_was_not_dialled(error: ActivityError) -> CallEnding | None:
    """None: an INVITE may have left, and nobody knows what became of it."""
    cause = error.cause
    if isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START:
        return CallEnding(
            EndedReason.PLATFORM_ERROR,
            EndedBy.PLATFORM,
            "Nobody carries phone calls now: no process that dials took this one in time.",
        )
    if isinstance(cause, ApplicationError) and cause.type in set(NotDialled):
        return CallEnding(*_BY_WHAT_WAS_NOT_DIALLED[NotDialled(cause.type)], cause.message[:300])
    return None


def was_turned_away(dialling: asyncio.Future[Any]) -> bool:
    """By a bridge that is being shut down: nothing was sent, and another one may dial."""
    if not dialling.done() or dialling.cancelled():
        return False
    error = dialling.exception()
    cause = error.cause if isinstance(error, ActivityError) else None
    return isinstance(cause, ApplicationError) and cause.type == NotDialled.SHUTDOWN


def _root(error: BaseException) -> BaseException:
    """A timeout of retries hides what went wrong each time; the last cause is what people need."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


async def unhurried(story: Coroutine[Any, Any, T]) -> T:
    """Run to the end whoever cancels meanwhile: a wrap-up that is cut short leaves a room open."""
    task = asyncio.create_task(story)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
    return task.result()
