from __future__ import annotations

import pytest

from agents.atlas.commands import Commands
from agents.atlas.floor import Closed, Floor
from agents.atlas.hold import HoldMode
from agents.atlas.voice import Voice


class NotingVoice:
    def __init__(self) -> None:
        self.hushed = False
        self.changes = 0

    def hush(self) -> None:
        self.hushed = True
        self.changes += 1

    def unhush(self) -> None:
        self.hushed = False
        self.changes += 1


def answered_floor() -> Floor:
    floor = Floor()
    floor.clear(Closed.GATE)
    return floor


def test_hold_closes_the_floor_and_silences_at_once_and_resume_opens_it() -> None:
    floor, voice = answered_floor(), NotingVoice()
    mode = HoldMode(floor, voice)
    mode.change(1, True)
    assert floor.is_held
    assert voice.hushed
    assert not floor.is_audible
    mode.change(2, False)
    assert floor.is_open
    assert not voice.hushed


@pytest.mark.parametrize("late", [0, 1, 2])
def test_old_numbers_change_nothing(late: int) -> None:
    floor, voice = answered_floor(), NotingVoice()
    mode = HoldMode(floor, voice)
    mode.change(1, True)
    mode.change(2, False)
    mode.change(late, True)
    assert floor.is_open
    assert voice.changes == 2


@pytest.mark.parametrize("last_is_hold", [True, False])
def test_the_newest_wins_however_often_it_changes(last_is_hold: bool) -> None:
    floor, voice = answered_floor(), NotingVoice()
    mode = HoldMode(floor, voice)
    changes = [(seq, seq % 2 == 1) for seq in range(1, 40 if last_is_hold else 41)]
    for seq, held in [*changes, *changes]:
        mode.change(seq, held)
    assert floor.is_held == voice.hushed == last_is_hold


def test_a_second_holder_changes_nothing_until_the_last_one_goes() -> None:
    floor, voice = answered_floor(), NotingVoice()
    mode = HoldMode(floor, voice)
    for seq in (1, 2, 3):
        mode.change(seq, True)
    assert voice.changes == 1
    mode.change(4, False)
    assert floor.is_open


def test_hold_before_the_gate_keeps_the_floor_closed_when_the_gate_opens() -> None:
    floor = Floor()
    mode = HoldMode(floor, NotingVoice())
    mode.change(1, True)
    floor.clear(Closed.GATE)
    assert not floor.is_open
    mode.change(2, False)
    assert floor.is_open


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

    def say(self, text: str, **_: object) -> None:
        self.said.append(text)


async def test_commands_check_their_payload_and_say_once() -> None:
    floor, voice = Floor(), SpokenVoice()
    ended: list[str | None] = []
    methods = Commands(floor, HoldMode(floor, NotingVoice()), voice, ended.append).methods()
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
