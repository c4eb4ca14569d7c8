"""Sound gets through whole, both ways, at both rates."""

from __future__ import annotations

import asyncio

import pytest

from tests.bridge.room.audio.conftest import OpenRoom
from tests.bridge.room.audio.room import RATE
from tests.bridge.rtp.sound import share_at, tone

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

RATES = (8000, 16_000)


@pytest.mark.parametrize("rate", RATES)
async def test_the_room_hears_the_phone(room: OpenRoom, rate: int) -> None:
    phone, atlas = await room.phone(rate), await room.person()
    phone.saying += tone(1250, 2.0, rate)
    await asyncio.sleep(2.2)
    middle = bytes(atlas.heard[-RATE * 3 : -RATE])  # 1 s, of which none is the end
    assert share_at(middle, 1250, RATE) > 0.95
    assert phone.microphone.dropped <= 2


@pytest.mark.parametrize("rate", RATES)
async def test_the_phone_hears_the_room(room: OpenRoom, rate: int) -> None:
    phone, atlas = await room.phone(rate), await room.person()
    await phone.listens(1)
    await atlas.say(tone(1250, 2.0, RATE))
    middle = bytes(phone.heard[-rate * 3 : -rate])
    assert share_at(middle, 1250, rate) > 0.95


async def test_two_who_speak_at_once_are_both_heard(room: OpenRoom) -> None:
    phone, atlas, human = await room.phone(), await room.person(), await room.person("human-1")
    await phone.listens(2)
    await asyncio.gather(atlas.say(tone(700, 2.0, RATE)), human.say(tone(1900, 2.0, RATE)))
    middle = bytes(phone.heard[-8000 * 3 : -8000])
    assert share_at(middle, 700) > 0.4
    assert share_at(middle, 1900) > 0.4
