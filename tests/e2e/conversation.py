"""A scripted conversation, and the judge of it: by the caller's ears and by the transcript."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.caller import Caller
from sandbox.caller.hearing import Hearing
from sandbox.providers.mouth import Samples
from sandbox.providers.scenario import DEMO, load
from tests.e2e.listening import Line, Match, VoiceEar, hear_out
from tests.e2e.switchboard import eventually

GREETING = "Hello, this is the Blue Door restaurant. How can I help you?"
ATLAS = "atlas-1"

OPENING_HOURS = "What are your opening hours?"
DOG = "Can I bring my dog?"
VEGETARIAN = "Do you have a vegetarian menu?"
BOOKING = "I would like to book a table for four on Friday evening."
GOODBYE = "Thank you, goodbye."


def answer_to(question: str) -> str:
    return next(e.say for e in load(DEMO).exchanges if question in e.heard)


def dialogue(*questions: str, opening: str = GREETING) -> list[Line]:
    """What must be said, in order, when the caller asks these questions."""
    lines = [Line("assistant", opening)]
    for question in questions:
        lines += [Line("caller", question), Line("assistant", answer_to(question))]
    return lines


@dataclass(slots=True)
class Conversation:
    """What the caller lived through. Times are time.monotonic()."""

    heard: list[Match | None] = field(default_factory=list)
    first_word_at: float = 0.0
    responses: list[float] = field(default_factory=list)  # seconds from question to answer
    joined_at: float = 0.0
    left_between: tuple[float, float] = (0.0, 0.0)


async def converse(
    caller: Caller, ear: VoiceEar, questions: Sequence[str | Samples], *, patience: float = 15.0
) -> Conversation:
    """Hear the greeting out, then ask each question and hear its answer out; then hang up."""
    talk = Conversation(joined_at=caller.joined_at)
    ear.learn(GREETING)
    voice = await voice_of(caller)
    talk.heard.append(await hear_out(voice, ear, caller.joined_at, timeout=20.0))
    talk.first_word_at = voice.first_loud() or 0.0
    for question in questions:
        spoken = await caller.say(question)
        talk.heard.append(await hear_out(voice, ear, spoken.ended_at, timeout=patience))
        first = voice.first_loud(spoken.ended_at)
        if first is not None:
            talk.responses.append(first - spoken.ended_at)
    before = time.monotonic()
    await caller.leave()
    talk.left_between = (before, time.monotonic())
    return talk


async def voice_of(caller: Caller, identity: str = ATLAS, timeout: float = 20.0) -> Hearing:
    """What this participant is heard to say, once its track is there."""

    async def is_there() -> Hearing | None:
        return caller.voices.get(identity)

    return await eventually(is_there, timeout=timeout, otherwise=f"{identity} published nothing")


def faults(
    talk: Conversation, transcript: Sequence[dict[str, Any]], expected: Iterable[Line]
) -> list[str]:
    """Everything wrong with a conversation, each in a sentence. Empty: all was as it should be."""
    lines = list(expected)
    found = []
    wanted = [line.text for line in lines if line.speaker == "assistant"]
    if len(talk.heard) != len(wanted):
        found.append(f"The caller heard {len(talk.heard)} sentences, not {len(wanted)}.")
    for text, match in zip(wanted, talk.heard, strict=False):
        if match is None:
            found.append(f"Where {text!r} should be, nothing was heard.")
        elif not match.is_clear or match.text != text:
            found.append(f"What should be {text!r} sounds like {match}.")
    said = [Line(turn["speaker"], turn["text"]) for turn in transcript]
    if said != lines:
        found.append(f"The transcript is {said}, not {lines}.")
    times = [(turn["start"], turn["end"]) for turn in transcript]
    if any(start > end for start, end in times) or times != sorted(times):
        found.append(f"The transcript's times are out of order: {times}.")
    return found
