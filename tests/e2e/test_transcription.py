"""A transcribed call whose Media Bot is killed: each sentence is told once, by who heard it."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from sandbox.caller import Caller
from tests.e2e.conversation import DOG, OPENING_HOURS, VEGETARIAN
from tests.e2e.faults.atlas_jobs import job_pid
from tests.e2e.server_events import follow
from tests.e2e.switchboard import Switchboard, WebCall, eventually, told

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def somebody_listens(switchboard: Switchboard, since: float, ears: int) -> None:
    """So many more recognitions were begun since then (time.time): each hears one microphone."""

    async def is_heard() -> bool:
        asked = await switchboard.asked_of("deepgram", since)
        return sum(entry.get("event") == "opened" for entry in asked) >= ears

    await eventually(is_heard, timeout=20, otherwise=f"{ears} ears were never opened")


async def asks(caller: Caller, call: WebCall, question: str) -> None:
    """Returns once the question is in the record, and answered."""

    async def is_told() -> bool:
        turns = [(turn["speaker"], turn["text"]) for turn in await call.transcript()]
        return ("caller", question) in turns and turns[-1][0] == "assistant"

    spoken = await caller.say(question)
    await caller.heard.wait_until_heard(0.2, since=spoken.ended_at, timeout=15)
    await caller.heard.wait_for_quiet()
    await eventually(is_told, timeout=20, otherwise=f"{question!r} was never told and answered")


async def test_a_transcript_goes_on_when_media_bot_is_killed_and_tells_nothing_twice(
    switchboard: Switchboard,
) -> None:
    assistant = await switchboard.make_assistant(transcribe=True)
    begun_at = time.time()
    call = await switchboard.place_call(assistant, language="en-GB")
    following = asyncio.create_task(follow(switchboard.http, call.id))
    caller = await call.join()
    await call.has_happened("transcription_started")
    await somebody_listens(switchboard, begun_at, 2)  # Atlas and Media Bot
    await asks(caller, call, OPENING_HOURS)

    killed_at = time.time()
    os.kill(job_pid(switchboard.stack, call.id, "media-bot"), signal.SIGKILL)
    await asks(caller, call, DOG)
    resumed = await call.has_happened("transcription_resumed")
    assert resumed["data"]["generation"] == 2
    await somebody_listens(switchboard, killed_at, 1)
    await asks(caller, call, VEGETARIAN)
    await caller.leave()

    settled = await call.settled()
    assert settled.said_by("caller") == [OPENING_HOURS, DOG, VEGETARIAN], told(settled.timeline)
    # Atlas looks for no sentiment; that of Media Bot is what it says of English.
    scored = [turn["sentiment"] for turn in settled.transcript if turn["speaker"] == "caller"]
    assert [sentiment is not None for sentiment in scored] == [True, False, True]
    assert -1 <= scored[0]["compound"] <= 1
    streamed = [event.data for event in await following if event.data["kind"] == "turn"]
    assert [turn["text"] for turn in streamed if turn["actor"] == "caller"] == [
        OPENING_HOURS,
        DOG,
        VEGETARIAN,
    ]
    assert streamed[0]["data"]["sentiment"] == scored[0]
    # Atlas heard, and so did the second Media Bot; what the killed one used, nobody knows.
    cost = settled.call["cost"]
    heard = [float(item["quantity"]) for item in cost["items"] if item["what"] == "stt"]
    assert len(heard) == 2, cost
    assert min(heard) > 1, cost
    assert cost["partial"]
    assert settled.kinds().count("agent_lost") == 1
