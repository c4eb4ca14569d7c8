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
    is_cancelled_exception,
)

from contract.endings import CallEnding, EndedBy, EndedReason
from contract.steps import CALL_UNKNOWN_ERROR
from workflows.call_state import CallState

T = TypeVar("T")


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
    step = error.activity_type.replace("_", " ") if isinstance(error, ActivityError) else "a step"
    reason = f": {_root(error)}" if error.__cause__ else ""
    return CallEnding(
        EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM, f"The platform failed to {step}{reason}"[:300]
    )


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
