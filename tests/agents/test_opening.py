from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agents.atlas.floor import Closed, Floor
from agents.atlas.opening import CallOpening
from agents.atlas.voice import Voice
from contract.assistants import OpeningMode, OpeningOptions
from contract.rooms import Opening
from tests.agents import virtual_clock

WELCOME = OpeningOptions(text="Welcome.")


class NotingVoice(Voice):
    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def say(self, text: str, **_: object) -> None:
        self._note(text)

    def generate(self, instructions: str) -> None:
        self._note(f"generated: {instructions}")


class Stage:
    def __init__(
        self,
        opening: Opening = Opening.FIRST,
        options: OpeningOptions = WELCOME,
        *,
        recorded_after: float = 0.01,
    ) -> None:
        self.floor = Floor()
        self.happened: list[tuple[float, str]] = []
        self._recorded_after = recorded_after
        self.opening = CallOpening(
            opening,
            options,
            resume_line="I am back.",
            floor=self.floor,
            voice=NotingVoice(self._note),
            record=self._record,
        )

    def _note(self, what: str) -> None:
        self.happened.append((virtual_clock.now(), what))

    async def _record(self) -> None:
        await asyncio.sleep(self._recorded_after)
        self._note("recorded")


def test_nothing_is_said_before_the_gate_and_the_greeting_is_recorded_first() -> None:
    async def story() -> None:
        stage = Stage()
        stage.opening.start()
        await asyncio.sleep(30)
        assert stage.happened == []
        stage.floor.clear(Closed.GATE)
        stage.floor.clear(Closed.GATE)
        await asyncio.sleep(10)
        assert stage.happened == [(30.01, "recorded"), (30.01, "Welcome.")]
        await stage.opening.aclose()

    virtual_clock.run(story())


def test_a_caller_does_not_wait_for_a_temporal_that_is_away() -> None:
    async def story() -> None:
        stage = Stage(recorded_after=3600)
        stage.opening.start()
        stage.floor.clear(Closed.GATE)
        await asyncio.sleep(10)
        assert stage.happened == [(2, "Welcome.")]

    virtual_clock.run(story())


def test_a_successor_resumes_without_greeting_or_recording() -> None:
    async def story() -> None:
        stage = Stage(Opening.RESUME)
        stage.opening.start()
        stage.floor.clear(Closed.GATE)
        await asyncio.sleep(10)
        assert stage.happened == [(0, "I am back.")]

    virtual_clock.run(story())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (OpeningOptions(mode=OpeningMode.WAIT, text="unused"), []),
        (OpeningOptions(mode=OpeningMode.GENERATE, text="Greet."), ["generated: Greet."]),
        (OpeningOptions(mode=OpeningMode.SAY, text=""), []),
    ],
)
def test_other_openings(options: OpeningOptions, said: list[str]) -> None:
    async def story() -> None:
        stage = Stage(options=options)
        stage.opening.start()
        stage.floor.clear(Closed.GATE)
        await asyncio.sleep(10)
        assert [what for _, what in stage.happened] == ["recorded", *said]

    virtual_clock.run(story())


def test_a_hold_in_the_first_moment_postpones_the_greeting() -> None:
    async def story() -> None:
        stage = Stage(recorded_after=0.5)
        stage.opening.start()
        stage.floor.clear(Closed.GATE)
        await asyncio.sleep(0.1)
        stage.floor.close(Closed.HOLD)
        await asyncio.sleep(20)
        stage.floor.clear(Closed.HOLD)
        await asyncio.sleep(1)
        assert stage.happened == [(0.5, "recorded"), (20.1, "Welcome.")]

    virtual_clock.run(story())
