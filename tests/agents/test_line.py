from __future__ import annotations

from typing import Any, cast

import pytest
from livekit import rtc

from agents.atlas.line import Line
from contract.holds import Holder, HoldState
from contract.rooms import Topic
from tests.agents.room_double import SIP, Packet, Person, RoomDouble

HELD = HoldState(3, frozenset({Holder.REMOTE})).to_json()
FREE = HoldState(4).to_json()


class Stage:
    def __init__(self, *people: Person) -> None:
        self.room = RoomDouble(*people)
        self.happened: list[object] = []
        self.line = Line(
            cast(rtc.Room, self.room),
            "phone",
            on_answered=lambda: self.happened.append("answered"),
            on_hold=lambda seq, held: self.happened.append((seq, held)),
        )
        self.line.start()


def phone(**attributes: str) -> Person:
    return Person("phone", SIP, {k.replace("_", "."): v for k, v in attributes.items()})


@pytest.mark.parametrize("state", ["answered", "held"])
def test_who_comes_late_reads_that_the_phone_is_answered(state: str) -> None:
    assert Stage(phone(call_state=state)).happened == ["answered"]


def test_who_comes_late_into_a_held_call_hears_of_the_hold_first() -> None:
    assert Stage(phone(call_state="held", call_hold=HELD)).happened == [(3, True), "answered"]


@pytest.mark.parametrize("state", ["ringing", "ended", "", "nonsense"])
def test_no_other_state_answers(state: str) -> None:
    assert Stage(phone(call_state=state)).happened == []


def test_the_answer_is_heard_when_the_phone_enters_and_when_it_changes() -> None:
    stage = Stage()
    there = phone(call_state="ringing")
    stage.room.enter(there)
    stage.room.write(there, call_state="answered")
    stage.room.write(there, call_hold=HELD)
    stage.room.write(there, call_hold=FREE)
    assert stage.happened == ["answered", (3, True), "answered", (4, False), "answered"]


def test_topics_say_the_same() -> None:
    there = phone()
    stage = Stage(there)
    stage.room.send(Topic.CALL_ANSWERED, "{}", there)
    stage.room.send(Topic.CALL_HOLD, HELD, there)
    stage.room.send(Topic.CALL_RESUME, FREE, there)
    assert stage.happened == ["answered", (3, True), (4, False)]


@pytest.mark.parametrize(
    "sender", [None, Person("human-1"), Person("phone"), Person("human-1", SIP)]
)
def test_nobody_but_the_phone_is_believed(sender: Person | None) -> None:
    stage = Stage(*([sender] if sender else []))
    stage.room.send(Topic.CALL_ANSWERED, "{}", sender)
    stage.room.send(Topic.CALL_HOLD, HELD, sender)
    if sender is not None and sender.identity != "phone":
        stage.room.write(sender, call_state="answered", call_hold=HELD)
    assert stage.happened == []


@pytest.mark.parametrize(
    "text", ["", "held", "[]", "{}", '{"seq": -1, "holders": []}', '{"seq": "1", "holders": []}']
)
def test_what_is_no_hold_state_changes_nothing(text: str) -> None:
    there = phone()
    stage = Stage(there)
    stage.room.write(there, call_hold=text)
    stage.room.send(Topic.CALL_HOLD, text, there)
    stage.room.emit("data_received", Packet(Topic.CALL_HOLD, b"\xff\xfe", there))
    assert stage.happened == []


async def test_a_closed_line_is_deaf() -> None:
    there: Any = phone()
    stage = Stage(there)
    await stage.line.aclose()
    stage.room.write(there, call_state="answered")
    stage.room.send(Topic.CALL_ANSWERED, "{}", there)
    assert stage.happened == []
