from __future__ import annotations

import asyncio

import pytest

from agents.atlas.commands import Commands
from agents.atlas.floor import Closed, Floor
from agents.atlas.hold import HoldMode
from agents.atlas.voice import Voice
from tests.agents import virtual_clock


class SlowVoice:
    """Needs a second to fall silent."""

    def __init__(self) -> None:
        self.hushed = False
        self.changes = 0

    async def hush(self) -> None:
        await asyncio.sleep(1)
        self.hushed = True
        self.changes += 1

    def unhush(self) -> None:
        self.hushed = False
        self.changes += 1


def answered_floor() -> Floor:
    floor = Floor()
    floor.clear(Closed.GATE)
    return floor


def test_hold_closes_the_floor_at_once_and_resume_opens_it() -> None:
    async def story() -> None:
        floor, voice = answered_floor(), SlowVoice()
        mode = HoldMode(floor, voice)
        holding = asyncio.create_task(mode.hold(1))
        await asyncio.sleep(0)
        assert floor.is_held
        await holding
        assert voice.hushed
        await mode.resume(2)
        assert floor.is_open
        assert not voice.hushed

    virtual_clock.run(story())


@pytest.mark.parametrize("late", [0, 1, 2])
def test_old_numbers_change_nothing(late: int) -> None:
    async def story() -> None:
        floor, voice = answered_floor(), SlowVoice()
        mode = HoldMode(floor, voice)
        await mode.hold(1)
        await mode.resume(2)
        await mode.hold(late)
        assert floor.is_open
        assert voice.changes == 2

    virtual_clock.run(story())


@pytest.mark.parametrize("last_is_hold", [True, False])
def test_the_newest_command_wins_however_fast_they_come(last_is_hold: bool) -> None:
    async def story() -> None:
        floor, voice = answered_floor(), SlowVoice()
        mode = HoldMode(floor, voice)
        commands = [mode.hold(1), mode.resume(2), mode.hold(3)]
        if not last_is_hold:
            commands.append(mode.resume(4))
        await asyncio.gather(*commands)
        assert floor.is_held == voice.hushed == last_is_hold

    virtual_clock.run(story())


def test_hold_before_the_gate_keeps_the_floor_closed_when_the_gate_opens() -> None:
    async def story() -> None:
        floor = Floor()
        mode = HoldMode(floor, SlowVoice())
        await mode.hold(1)
        floor.clear(Closed.GATE)
        assert not floor.is_open
        await mode.resume(2)
        assert floor.is_open

    virtual_clock.run(story())


def test_an_ending_call_never_opens_again_and_listeners_hear_each_change_once() -> None:
    floor = Floor()
    changes: list[bool] = []
    floor.on_change(lambda: changes.append(floor.is_open))
    floor.clear(Closed.GATE)
    floor.close(Closed.HOLD)
    floor.close(Closed.ENDING)
    floor.clear(Closed.HOLD)
    floor.clear(Closed.ENDING)
    assert changes == [True, False]


class SpokenVoice(Voice):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str, *, interruptible: bool = True) -> None:
        self.said.append(text)


async def test_commands_check_their_payload_and_say_once() -> None:
    floor, voice = Floor(), SpokenVoice()
    ended: list[str | None] = []
    methods = Commands(floor, HoldMode(floor, SlowVoice()), voice, ended.append).methods()
    for payload in ({}, {"seq": "1"}, {"seq": True}):
        with pytest.raises(ValueError, match="seq"):
            await methods["atlas.hold"](payload)
    with pytest.raises(ValueError, match="cannot speak"):
        await methods["atlas.say"]({"text": "Hello.", "id": "a"})
    await methods["atlas.start"]({})
    await methods["atlas.start"]({})
    for _ in range(2):
        await methods["atlas.say"]({"text": "Hello.", "id": "a"})
    assert voice.said == ["Hello."]
    with pytest.raises(ValueError, match="farewell"):
        await methods["atlas.end"]({"farewell": 1})
    await methods["atlas.end"]({})
    assert ended == [None]
