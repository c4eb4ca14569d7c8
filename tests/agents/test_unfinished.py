from __future__ import annotations

import pytest
from livekit.agents.voice import SpeechHandle

from agents.atlas.unfinished import Unfinished

# Handles belong to an event loop.
pytestmark = pytest.mark.asyncio


async def test_what_a_hold_cut_off_is_said_again_once_and_in_order() -> None:
    unfinished, said = Unfinished(), []
    for name in ("greeting", "announcement"):
        unfinished.begun(SpeechHandle.create(), lambda name=name: said.append(name))
    unfinished.cut()
    assert said == []
    unfinished.say_again()
    unfinished.say_again()
    assert said == ["greeting", "announcement"]


async def test_what_is_over_or_interrupted_or_not_worth_it_is_not_repeated() -> None:
    unfinished, said = Unfinished(), []
    interrupted, over, reprompt = (SpeechHandle.create() for _ in range(3))
    unfinished.begun(interrupted, lambda: said.append("interrupted"))
    unfinished.begun(over, lambda: said.append("over"))
    unfinished.begun(reprompt, None)
    interrupted.interrupt()
    over._mark_done()
    unfinished.cut()
    unfinished.say_again()
    assert said == []


async def test_two_answers_that_were_cut_off_are_one_question() -> None:
    unfinished, said = Unfinished(), []

    def answer() -> None:
        said.append("answer")

    unfinished.begun(SpeechHandle.create(), answer)
    unfinished.begun(SpeechHandle.create(), answer)
    unfinished.cut()
    unfinished.say_again()
    assert said == ["answer"]


async def test_a_second_hold_before_anything_was_said_again_forgets_nothing() -> None:
    unfinished, said = Unfinished(), []
    unfinished.begun(SpeechHandle.create(), lambda: said.append("greeting"))
    unfinished.cut()
    unfinished.cut()
    unfinished.say_again()
    assert said == ["greeting"]
