"""First words that are ready before the answer, over livekit's real session."""

from __future__ import annotations

import asyncio

import pytest

from agents.atlas.floor import Closed
from contract.assistants import OpeningMode, OpeningOptions
from tests.agents.models import Mouth, Thinker
from tests.agents.stage import GREETING, staged, until, until_heard

pytestmark = pytest.mark.slow  # listens in real time

GENERATED = OpeningOptions(mode=OpeningMode.GENERATE, text="Greet the caller.")


async def test_the_opening_is_ready_before_the_answer_and_costs_nothing_afterwards() -> None:
    async with staged(answered=False) as stage:
        options = OpeningOptions(text=GREETING)
        rehearsal = stage.rehearsal(options)
        opening = stage.opening(options, rehearsal)
        opening.start()
        await until(lambda: rehearsal.recording.is_usable)
        assert stage.mouth.asked == [GREETING]
        assert (stage.ear.heard, stage.said()) == (0, [])
        stage.floor.clear(Closed.GATE)
        await until(stage.said)
        assert stage.mouth.asked == [GREETING]
        assert stage.said() == [GREETING]
        await opening.aclose()


async def test_an_opening_that_the_model_makes_up_is_prepared_with_its_words() -> None:
    mind = Thinker("Hello from the Blue Door.", "Not this.")
    async with staged(mind=mind, answered=False) as stage:
        rehearsal = stage.rehearsal(GENERATED)
        opening = stage.opening(GENERATED, rehearsal)
        opening.start()
        await until(lambda: rehearsal.recording.is_usable)
        assert mind.asked == [[("system", "Be kind."), ("system", "Greet the caller.")]]
        stage.floor.clear(Closed.GATE)
        await until(stage.said)
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
        await until(stage.said)
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
        rehearsal = stage.rehearsal(options)
        opening = stage.opening(options, rehearsal)
        opening.start()
        await until(lambda: rehearsal.recording.is_usable)
        stage.floor.clear(Closed.GATE)
        await until_heard(stage.ear, 0.1)
        stage.hold.change(1, True)
        await asyncio.sleep(0.1)
        heard = stage.ear.heard
        stage.hold.change(2, False)
        await until_heard(stage.ear, heard + 0.45)
        assert stage.mouth.asked == [GREETING]
        await opening.aclose()
