"""The voice over livekit's real session: what is heard, and what a hold makes of it."""

from __future__ import annotations

import asyncio

import pytest
from livekit.agents import function_tool

from tests.agents.models import Thinker
from tests.agents.stage import GREETING, staged, until, until_heard

pytestmark = pytest.mark.slow  # listens in real time


async def test_before_the_answer_whatever_speaks_is_not_heard() -> None:
    async with staged(answered=False) as stage:
        handle = stage.voice.say(GREETING)
        assert handle is not None
        await asyncio.wait_for(handle.wait_for_playout(), 2)
        assert (stage.ear.heard, stage.said()) == (0, [])


async def test_hold_stops_the_sound_in_the_moment_it_begins() -> None:
    async with staged() as stage:
        stage.voice.say(GREETING)
        await until_heard(stage.ear, 0.1)
        stage.hold.change(1, True)
        assert stage.ear.calls[-1] == "pause"
        heard = stage.ear.heard
        await asyncio.sleep(0.7)
        assert stage.ear.heard == heard


async def test_what_was_said_for_the_workflow_is_said_again_after_the_hold() -> None:
    async with staged() as stage:
        stage.voice.say(GREETING, again=True)
        await until_heard(stage.ear, 0.1)
        stage.hold.change(1, True)
        await asyncio.sleep(0.1)
        heard = stage.ear.heard
        stage.hold.change(2, False)
        await until_heard(stage.ear, heard + 0.5)
        await until(lambda: stage.said()[-1:] == [GREETING])


async def test_a_reprompt_is_not_repeated() -> None:
    async with staged() as stage:
        stage.voice.say("Are you still there?")
        await until_heard(stage.ear, 0.1)
        stage.hold.change(1, True)
        heard = stage.ear.heard
        stage.hold.change(2, False)
        await asyncio.sleep(0.7)
        assert stage.ear.heard == pytest.approx(heard, abs=0.1)


async def test_an_answer_that_was_cut_off_is_asked_for_anew_as_if_it_had_not_begun() -> None:
    mind = Thinker("We are open from noon until eleven.", "From noon until eleven.")
    async with staged(mind=mind) as stage:
        stage.session.generate_reply(user_input="When are you open?")
        await until_heard(stage.ear, 0.2)
        stage.hold.change(1, True)
        await asyncio.sleep(0.2)
        assert len(mind.asked) == 1
        stage.hold.change(2, False)
        await until(lambda: stage.said()[-1:] == ["From noon until eleven."])
        assert mind.asked[1][-1] == ("user", "When are you open?")


async def test_a_tool_that_ran_into_a_hold_is_not_called_again(  # it may have booked a table
) -> None:
    calls: list[str] = []

    @function_tool
    async def look_up() -> str:
        """Looks it up."""
        calls.append("begun")
        await asyncio.sleep(1.0)
        calls.append("over")
        return "free"

    mind = Thinker("look_up()", "Friday is free.")
    async with staged(mind=mind, tools=[look_up]) as stage:
        stage.session.generate_reply(user_input="Is Friday free?")
        await until(lambda: calls)
        assert calls == ["begun"]
        stage.hold.change(1, True)
        await asyncio.sleep(0.1)
        stage.hold.change(2, False)
        await until_heard(stage.ear, 0.25)
        assert calls == ["begun", "over"]
        await until(stage.said)
        await asyncio.sleep(0.3)  # and nothing else
        assert stage.said() == ["Friday is free."]


async def test_holds_that_come_fast_repeat_nothing_twice() -> None:
    async with staged() as stage:
        stage.voice.say(GREETING, again=True)
        await until_heard(stage.ear, 0.1)
        for seq in range(1, 42):
            stage.hold.change(seq, seq % 2 == 1)
            await asyncio.sleep(0.01)
        assert stage.floor.is_held
        heard = stage.ear.heard
        await asyncio.sleep(0.2)
        assert stage.ear.heard == heard
        stage.hold.change(42, False)
        await until(lambda: len(stage.said()) >= 2)
        await asyncio.sleep(0.7)
        # The one that was cut off, and the one after the last hold.
        assert stage.said() == [GREETING, GREETING]
