"""What Atlas makes of what a phone of LiveKit SIP shows in the room."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from livekit import rtc

from agents.atlas.sip_phone import SipPhone
from contract.facts import FactKind
from contract.rooms import PhoneRpc
from tests.agents.room_double import SIP, Person, RoomDouble


@dataclass
class Fingers:
    """The local participant: which keys it pressed, what it said on which topic."""

    pressed: list[tuple[int, str]] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)

    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish_dtmf(self, *, code: int, digit: str) -> None:
        self.pressed.append((code, digit))
        self._news.set()

    async def are_at(self, digit: str) -> None:
        while not self.pressed or self.pressed[-1][1] != digit:
            self._news.clear()
            await self._news.wait()

    async def publish_data(self, payload: str, *, topic: str) -> None:
        self.said.append((topic, payload))


class Stage:
    def __init__(self, *people: Person) -> None:
        self.room = RoomDouble(*people)
        self.fingers = self.room.local_participant = Fingers()  # type: ignore[attr-defined]
        self.told: list[tuple[FactKind, dict[str, Any]]] = []
        self.opened = 0
        self.phone = SipPhone(
            cast(rtc.Room, self.room),
            "phone",
            tell=lambda kind, data: self.told.append((kind, data)),
            on_active=self._open,
        )
        self.phone.start()

    def _open(self) -> None:
        self.opened += 1

    @property
    def kinds(self) -> list[FactKind]:
        return [kind for kind, _ in self.told]

    def hear(self, *digits: str, sender: Person) -> None:
        for digit in digits:
            key = rtc.SipDTMF(code=1, digit=digit, participant=cast(Any, sender))
            self.room.emit("sip_dtmf_received", key)

    async def press(self, digits: object, key: str = "k") -> dict[str, Any] | None:
        return await self.phone.methods()[PhoneRpc.DTMF]({"digits": digits, "id": key})


def phone(status: str = "dialing") -> Person:
    return Person("phone", SIP, {"sip.callStatus": status})


def show(stage: Stage, person: Person, *statuses: str) -> None:
    for status in statuses:
        stage.room.write(person, **{"sip.callStatus": status})


async def test_a_whole_call() -> None:
    there = phone()
    stage = Stage()
    stage.room.enter(there)
    show(stage, there, "ringing")
    assert (stage.kinds, stage.opened) == ([FactKind.RINGING], 0)
    show(stage, there, "active")
    assert (stage.kinds[1:], stage.opened) == ([FactKind.ANSWERED], 1)
    show(stage, there, "hangup", "hangup")
    assert stage.kinds[2:] == [FactKind.LEG_ENDED]
    ended = stage.told[2][1]
    assert (ended["reason"], ended["by"], ended["answered"]) == ("bye", "them", True)
    assert ended["answered_at"] <= ended["ended_at"]


async def test_it_may_ring_before_livekit_tells_that_it_came() -> None:
    there = phone("ringing")
    stage = Stage()
    stage.room.enter(there)
    show(stage, there, "ringing")
    assert stage.kinds == [FactKind.RINGING]


async def test_while_the_orders_keys_are_pressed_it_is_answered_and_nobody_speaks() -> None:
    there = phone()
    stage = Stage(there)
    show(stage, there, "automation")
    assert (stage.kinds, stage.opened) == ([FactKind.ANSWERED], 0)
    show(stage, there, "active")
    assert (stage.kinds, stage.opened) == ([FactKind.ANSWERED], 1)


@pytest.mark.parametrize("status", ["automation", "active"])
async def test_who_comes_late_only_guesses_when_it_was_answered(status: str) -> None:
    there = phone(status)
    stage = Stage(there)
    assert stage.told == [(FactKind.ANSWERED, {"guessed": True})]
    show(stage, there, "active", "hangup")
    assert stage.opened == (1 if status == "automation" else 2)
    assert stage.kinds == [FactKind.ANSWERED, FactKind.LEG_ENDED]
    assert stage.told[1][1]["answered_at"] is None


async def test_who_comes_when_it_has_hung_up_says_so() -> None:
    """Its participant may forget to leave."""
    stage = Stage(phone("hangup"))
    assert (stage.kinds, stage.opened) == ([FactKind.LEG_ENDED], 0)


@pytest.mark.parametrize("status", ["dialing", "ringing", "automation", "hangup", ""])
async def test_who_comes_while_it_is_not_answered_does_not_speak(status: str) -> None:
    assert Stage(phone(status)).opened == 0


async def test_nobody_else_opens_it_and_other_changes_tell_nothing() -> None:
    there, other = phone("active"), Person("human-1", attributes={"sip.callStatus": "dialing"})
    stage = Stage(there, other)
    show(stage, other, "active", "hangup")
    stage.room.write(there, **{"call.hold": "{}"})
    stage.hear("1", sender=other)
    assert (stage.kinds, stage.opened) == ([FactKind.ANSWERED], 1)


async def test_its_keys_are_counted_and_the_room_hears_them() -> None:
    there = phone("active")
    stage = Stage(there)
    stage.hear("1", "#", sender=there)
    await asyncio.sleep(0.8)
    stage.hear("7", sender=there)
    await stage.phone.aclose()
    assert stage.told[1:] == [(FactKind.DTMF, {"count": 2}), (FactKind.DTMF, {"count": 1})]
    assert stage.fingers.said[:2] == [("dtmf", '{"digit": "1"}'), ("dtmf", '{"digit": "#"}')]


async def test_it_presses_once_what_it_is_told_twice() -> None:
    stage = Stage(phone("active"))
    assert await stage.press("1w#", "a") == await stage.press("1w#", "a") == {"seconds": 1.1}
    await stage.press("D", "b")
    async with asyncio.timeout(10):
        await stage.fingers.are_at("D")
    assert stage.fingers.pressed == [(1, "1"), (11, "#"), (15, "D")]


@pytest.mark.parametrize("digits", ["", "1x", None, "1" * 65])
async def test_what_no_telephone_has_is_refused(digits: object) -> None:
    stage = Stage(phone("active"))
    with pytest.raises(ValueError, match=r"."):
        await stage.press(digits)
    assert stage.fingers.pressed == []


async def test_without_a_phone_no_key_is_pressed() -> None:
    with pytest.raises(ValueError, match="not in the room"):
        await Stage().press("1")
