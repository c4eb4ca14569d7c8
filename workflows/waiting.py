"""Waiting inside a call's workflow: for a condition, for so long, unless the call ends first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

from workflows.call_state import CallState
from workflows.exits import CallOver

T = TypeVar("T")


async def within(
    timeout: timedelta | None, condition: Callable[[], bool], summary: str | None
) -> bool:
    """True when the condition holds, False on timeout."""
    try:
        await workflow.wait_condition(condition, timeout=timeout, timeout_summary=summary)
    except TimeoutError:
        return False
    return True


async def until(
    state: CallState,
    condition: Callable[[], bool],
    *,
    timeout: timedelta | None = None,
    summary: str | None = None,
) -> bool:
    """As `within`. Raises CallOver once the call is over."""
    happened = await within(timeout, lambda: state.ending is not None or condition(), summary)
    refuse_when_over(state)
    return happened


async def unless_over(state: CallState, asked: workflow.ActivityHandle[T]) -> T:
    """The activity's result. Raises CallOver, and gives the activity up, when the call ends."""
    try:
        await until(state, asked.done)
    except (CallOver, asyncio.CancelledError):
        give_up(asked)
        raise
    return await asked


def give_up(asked: workflow.ActivityHandle[T]) -> None:
    asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody asks
    asked.cancel()


def refuse_when_over(state: CallState) -> None:
    if state.ending is not None:
        raise CallOver
