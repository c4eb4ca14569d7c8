"""What the caller says, or does not say, decides what is heard and written."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sandbox.caller.microphone import SAMPLE_RATE
from sandbox.providers.mouth import Samples
from tests.e2e.conversation import (
    DOG,
    GOODBYE,
    GREETING,
    OPENING_HOURS,
    answer_to,
    converse,
    dialogue,
    faults,
    voice_of,
)
from tests.e2e.listening import Line, VoiceEar, hear_out
from tests.e2e.switchboard import Switchboard

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

OPENING = {"mode": "say", "text": GREETING}
LISTENS = {"mode": "wait"}
STILL_THERE = "Are you still there?"


async def test_two_sentences_swapped_swap_transcript_and_answers(
    switchboard: Switchboard, atlas: VoiceEar
) -> None:
    call = await switchboard.place_call(record=False)
    talk = await converse(await call.join(), atlas, [DOG, OPENING_HOURS])
    transcript = await call.turns(5)
    assert faults(talk, transcript, dialogue(DOG, OPENING_HOURS)) == []
    assert faults(talk, transcript, dialogue(OPENING_HOURS, DOG)) != []


async def test_noise_instead_of_sentences_is_no_conversation(
    switchboard: Switchboard, atlas: VoiceEar
) -> None:
    """The judge of the other tests can say no."""
    call = await switchboard.place_call(record=False)
    caller = await call.join()
    talk = await converse(caller, atlas, [noise(2.0), noise(1.8)], patience=3.0)
    record = await call.settled()
    found = faults(talk, record.transcript, dialogue(OPENING_HOURS, DOG))
    assert len(found) == 3, found  # two answers that were not heard, and the transcript
    assert record.said_by("caller") == []
    assert faults(talk, record.transcript, dialogue()) != []


async def test_a_silent_caller_is_asked_and_then_given_up(
    switchboard: Switchboard, atlas: VoiceEar
) -> None:
    assistant = await switchboard.make_assistant(
        opening=OPENING, silence={"reprompt_after": 2, "reprompts": [STILL_THERE]}
    )
    atlas.learn(GREETING, STILL_THERE)
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    voice = await voice_of(caller)
    greeting = await hear_out(voice, atlas, caller.joined_at)
    assert greeting is not None
    assert greeting.text == GREETING
    greeted = voice.last_loud + 0.1  # a frame of the greeting would spoil what comes next
    asked = await hear_out(voice, atlas, greeted)
    assert asked is not None
    assert (asked.text, asked.is_clear) == (STILL_THERE, True), asked
    waited = voice.first_loud(greeted) - greeted
    assert 1.5 < waited < 4.5
    await asyncio.wait_for(caller.left.wait(), 15)
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == (
        "silence_timeout",
        "assistant",
    )
    assert record.said_by("caller") == []
    assert record.said_by("assistant") == [GREETING, STILL_THERE]


async def test_goodbye_is_answered_and_ends_the_call(
    switchboard: Switchboard, atlas: VoiceEar
) -> None:
    assistant = await switchboard.make_assistant(opening=OPENING)
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    voice = await voice_of(caller)
    await hear_out(voice, atlas, caller.joined_at)
    spoken = await caller.say(GOODBYE)
    farewell = await hear_out(voice, atlas, spoken.ended_at)
    assert farewell is not None
    assert (farewell.text, farewell.is_clear) == ("Goodbye.", True), farewell
    await asyncio.wait_for(caller.left.wait(), 15)
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == (
        "assistant_hung_up",
        "assistant",
    )
    assert await call.room_is_gone()
    assert said(record.transcript) == [
        Line("assistant", GREETING),
        Line("caller", GOODBYE),
        Line("assistant", "Goodbye."),
    ]


async def test_typed_words_are_answered_aloud(switchboard: Switchboard, atlas: VoiceEar) -> None:
    assistant = await switchboard.make_assistant(opening=LISTENS)
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    await call.has_happened("opening_started")
    await caller.room.local_participant.send_text(DOG, topic="lk.chat")
    answer = await hear_out(await voice_of(caller), atlas, caller.joined_at)
    assert answer is not None
    assert (answer.text, answer.is_clear) == (answer_to(DOG), True), answer
    assert said(await call.turns(2)) == dialogue(DOG)[1:]


async def test_typed_words_are_ignored_where_the_assistant_takes_none(
    switchboard: Switchboard, atlas: VoiceEar
) -> None:
    assistant = await switchboard.make_assistant(opening=LISTENS, text_input=False)
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    await call.has_happened("opening_started")
    await caller.room.local_participant.send_text(DOG, topic="lk.chat")
    spoken = await caller.say(OPENING_HOURS)
    # A spoken sentence after it is answered, and it alone.
    answer = await hear_out(await voice_of(caller), atlas, caller.joined_at)
    assert answer is not None
    assert (answer.text, answer.is_clear) == (answer_to(OPENING_HOURS), True), answer
    assert caller.heard.loud_seconds(until=spoken.ended_at) == 0
    assert said(await call.turns(2)) == dialogue(OPENING_HOURS)[1:]


def noise(seconds: float) -> Samples:
    """As loud as speech, and always the same."""
    spread = np.random.default_rng(7).normal(0.0, 3000.0, int(seconds * SAMPLE_RATE))
    return np.clip(spread, -32768, 32767).astype(np.int16)


def said(transcript: list[dict[str, str]]) -> list[Line]:
    return [Line(turn["speaker"], turn["text"]) for turn in transcript]
