"""The demo's call as its caller lives it: held for a while, and the worker killed in its middle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.caller import Caller
from sandbox.demo.script import ANSWERS_BEFORE_THE_KILL, GOODBYE, QUESTIONS
from sandbox.stack import Stack

_GREETING_LIMIT = 20.0
_ANSWER_LIMIT = 15.0
_WORKERLESS_SECONDS = 2.0  # long enough to hear that the conversation goes on without it

_HOLD_SECONDS = 3.0
_AFTER_HOLD_SECONDS = 1.0  # until the music has gone and Atlas listens again

Tell = Callable[[str, str], None]  # (who, what)
Hold = Callable[[bool], Awaitable[None]]  # an operator holds the call, or resumes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Times are time.monotonic()."""

    first_word_at: float
    heard_in_hold: float  # seconds of sound: music, as Atlas is silent
    worker_killed_at: float
    worker_back_at: float
    heard_while_workerless: float  # seconds of speech
    heard_afterwards: float
    closed_by_assistant: bool


async def converse(stack: Stack, caller: Caller, hold: Hold, tell: Tell) -> Conversation:
    """From greeting to farewell. Raises NotHeard when the assistant falls silent."""
    first_word_at = await caller.heard.wait_until_heard(timeout=_GREETING_LIMIT)
    await caller.heard.wait_for_quiet()
    for question in QUESTIONS[:ANSWERS_BEFORE_THE_KILL]:
        await _ask(caller, question, tell)
    heard_in_hold = await _be_held(caller, hold, tell)

    before = stack.pids("worker")
    await stack.kill("worker")
    killed_at = time.monotonic()
    tell("demo", f"killed the Temporal worker (SIGKILL, pid {before[0]}); the caller goes on")
    revival = asyncio.create_task(_revive(stack, tell))
    try:
        for question in QUESTIONS[ANSWERS_BEFORE_THE_KILL:]:
            await _ask(caller, question, tell)
        back_at = await revival
    finally:
        revival.cancel()

    tell("caller", GOODBYE)
    await caller.say(GOODBYE)
    try:
        async with asyncio.timeout(_ANSWER_LIMIT):
            await caller.left.wait()  # the assistant says its farewell and closes the room
    except TimeoutError:
        tell("demo", "the assistant did not end the call, so the caller hangs up")
    closed_by_assistant = caller.left.is_set()
    await caller.leave()
    return Conversation(
        first_word_at=first_word_at,
        heard_in_hold=heard_in_hold,
        worker_killed_at=killed_at,
        worker_back_at=back_at,
        heard_while_workerless=caller.heard.loud_seconds(killed_at, back_at),
        heard_afterwards=caller.heard.loud_seconds(back_at),
        closed_by_assistant=closed_by_assistant,
    )


async def _ask(caller: Caller, question: str, tell: Tell) -> None:
    tell("caller", question)
    spoken = await caller.say(question)
    await caller.heard.wait_until_heard(0.3, since=spoken.ended_at, timeout=_ANSWER_LIMIT)
    await caller.heard.wait_for_quiet()


async def _be_held(caller: Caller, hold: Hold, tell: Tell) -> float:
    """Seconds of sound that were heard meanwhile."""
    await hold(True)
    held_at = time.monotonic()
    tell("demo", f"an operator holds the call for {_HOLD_SECONDS:.0f} s; the caller hears music")
    await asyncio.sleep(_HOLD_SECONDS)
    ends_at = time.monotonic()
    # livekit's client may play one track under two names (livekit_measured.md section 4).
    heard = min(caller.heard.loud_seconds(held_at, ends_at), ends_at - held_at)
    await hold(False)
    await asyncio.sleep(_AFTER_HOLD_SECONDS)
    return heard


async def _revive(stack: Stack, tell: Tell) -> float:
    await asyncio.sleep(_WORKERLESS_SECONDS)
    await stack.start_process("worker")
    tell("demo", f"the worker is back (pid {stack.pids('worker')[0]}) and finds the call again")
    return time.monotonic()
