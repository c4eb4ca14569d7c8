"""The voice over livekit's real session: what is heard, and what a hold makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from livekit.agents import Agent, AgentSession, function_tool, llm

from agents.atlas.floor import Closed, Floor
from agents.atlas.hold import HoldMode
from agents.atlas.opening import CallOpening
from agents.atlas.rehearsal import Rehearsal
from agents.atlas.voice import Voice
from contract.assistants import OpeningMode, OpeningOptions
from contract.rooms import Opening
from tests.agents.models import Ear, Mouth, Thinker

pytestmark = pytest.mark.slow  # listens in real time

GREETING = "Welcome to the Blue Door."  # half a second
GENERATED = OpeningOptions(mode=OpeningMode.GENERATE, text="Greet the caller.")


class Stage:
    def __init__(self, mouth: Mouth, mind: Thinker) -> None:
        self.mouth, self.mind = mouth, mind
        self.ear = Ear()
        self.floor = Floor()
        self.session: AgentSession[None] = AgentSession(
            llm=mind, tts=mouth, vad=None, turn_handling={"turn_detection": "manual"}
        )
        self.voice = Voice(self.session, self.floor)
        self.hold = HoldMode(self.floor, self.voice)
        self.floor.on_change(lambda: self.floor.is_open and self.voice.take_up())

    def rehearsal(self, options: OpeningOptions) -> Rehearsal:
        return Rehearsal(self.session, options, options.text)

    def opening(self, options: OpeningOptions, rehearsal: Rehearsal | None = None) -> CallOpening:
        async def record() -> None:
            await asyncio.sleep(0.01)

        return CallOpening(
            Opening.FIRST,
            options,
            resume_line="",
            floor=self.floor,
            voice=self.voice,
            record=record,
            rehearsal=rehearsal,
        )

    def said(self) -> list[str]:
        items = self.session.history.items
        return [
            item.text_content or ""
            for item in items
            if item.type == "message" and item.role == "assistant"
        ]


@asynccontextmanager
async def staged(
    mouth: Mouth | None = None,
    mind: Thinker | None = None,
    *,
    answered: bool = True,
    tools: Sequence[llm.Tool] = (),
) -> AsyncIterator[Stage]:
    stage = Stage(mouth or Mouth(), mind or Thinker())
    stage.session.output.audio = stage.ear
    await stage.session.start(Agent(instructions="Be kind.", tools=list(tools)))
    stage.voice.start()
    if answered:
        stage.floor.clear(Closed.GATE)
    try:
        yield stage
    finally:
        await stage.voice.aclose()
        await stage.session.aclose()


async def until_heard(ear: Ear, seconds: float) -> None:
    await asyncio.wait_for(ear.heard_for(seconds), 5)


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
        await asyncio.sleep(0.2)
        assert stage.said()[-1] == GREETING


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
        await until_heard(stage.ear, 0.5)
        await asyncio.sleep(0.3)
        assert mind.asked[1][-1] == ("user", "When are you open?")
        assert stage.said()[-1] == "From noon until eleven."


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
        await asyncio.sleep(0.3)
        assert calls == ["begun"]
        stage.hold.change(1, True)
        await asyncio.sleep(0.1)
        stage.hold.change(2, False)
        await until_heard(stage.ear, 0.25)
        assert calls == ["begun", "over"]
        await asyncio.sleep(0.3)
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
        await asyncio.sleep(1.2)
        # The one that was cut off, and the one after the last hold.
        assert stage.said() == [GREETING, GREETING]


async def test_the_opening_is_ready_before_the_answer_and_costs_nothing_afterwards() -> None:
    async with staged(answered=False) as stage:
        options = OpeningOptions(text=GREETING)
        rehearsal = stage.rehearsal(options)
        opening = stage.opening(options, rehearsal)
        opening.start()
        await asyncio.sleep(0.3)
        assert stage.mouth.asked == [GREETING]
        assert (stage.ear.heard, stage.said()) == (0, [])
        stage.floor.clear(Closed.GATE)
        await until_heard(stage.ear, 0.45)
        await asyncio.sleep(0.3)
        assert stage.mouth.asked == [GREETING]
        assert stage.said() == [GREETING]
        await opening.aclose()


async def test_an_opening_that_the_model_makes_up_is_prepared_with_its_words() -> None:
    mind = Thinker("Hello from the Blue Door.", "Not this.")
    async with staged(mind=mind, answered=False) as stage:
        opening = stage.opening(GENERATED, stage.rehearsal(GENERATED))
        opening.start()
        await asyncio.sleep(0.3)
        assert mind.asked == [[("system", "Be kind."), ("system", "Greet the caller.")]]
        stage.floor.clear(Closed.GATE)
        await until_heard(stage.ear, 0.4)
        await asyncio.sleep(0.3)
        assert stage.said() == ["Hello from the Blue Door."]
        assert len(mind.asked) == 1
        await opening.aclose()


async def test_an_opening_that_is_not_ready_is_made_when_it_is_due() -> None:
    async with staged(Mouth(takes=0.5), answered=False) as stage:
        options = OpeningOptions(text=GREETING)
        opening = stage.opening(options, stage.rehearsal(options))
        opening.start()
        await asyncio.sleep(0.1)
        stage.floor.clear(Closed.GATE)
        await until_heard(stage.ear, 0.45)
        await asyncio.sleep(0.3)
        assert stage.said() == [GREETING]
        await opening.aclose()


async def test_a_preparation_that_fails_does_not_cost_the_greeting() -> None:
    async with staged(Mouth(fails=True), answered=False) as stage:
        options = OpeningOptions(text=GREETING)
        opening = stage.opening(options, stage.rehearsal(options))
        opening.start()
        await asyncio.sleep(0.3)
        stage.mouth.fails = False
        stage.floor.clear(Closed.GATE)
        await until_heard(stage.ear, 0.45)
        await opening.aclose()


async def test_a_model_that_wants_a_tool_first_waits_for_the_answer() -> None:
    mind = Thinker("look_up()")
    async with staged(mind=mind, answered=False) as stage:
        rehearsal = stage.rehearsal(GENERATED)
        rehearsal.start()
        await asyncio.sleep(0.3)
        assert not rehearsal.recording.is_usable
        assert stage.mouth.asked == []
        await rehearsal.aclose()


async def test_a_greeting_that_a_hold_cut_off_is_played_again_from_its_recording() -> None:
    async with staged(answered=False) as stage:
        options = OpeningOptions(text=GREETING)
        opening = stage.opening(options, stage.rehearsal(options))
        opening.start()
        await asyncio.sleep(0.3)
        stage.floor.clear(Closed.GATE)
        await until_heard(stage.ear, 0.1)
        stage.hold.change(1, True)
        await asyncio.sleep(0.1)
        heard = stage.ear.heard
        stage.hold.change(2, False)
        await until_heard(stage.ear, heard + 0.45)
        assert stage.mouth.asked == [GREETING]
        await opening.aclose()
