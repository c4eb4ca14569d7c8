"""Sound gets through whole, both ways, at both rates."""

from __future__ import annotations

import asyncio

import pytest

from tests.bridge.room.audio.conftest import OpenRoom
from tests.bridge.room.audio.room import RATE, clearest, eventually
from tests.bridge.rtp.sound import share_at, tone

pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time,
    pytest.mark.asyncio(loop_scope="session"),
]

RATES = (8000, 16_000)


@pytest.mark.parametrize("rate", RATES)
async def test_the_room_hears_the_phone(room: OpenRoom, rate: int) -> None:
    phone, atlas = await room.phone(rate), await room.person()
    phone.saying += tone(1250, 3.0, rate)
    await eventually(lambda: clearest(atlas.heard, 1250, RATE) > 0.95, "the phone is heard")


@pytest.mark.parametrize("rate", RATES)
async def test_the_phone_hears_the_room(room: OpenRoom, rate: int) -> None:
    phone, atlas = await room.phone(rate), await room.person()
    await phone.listens(1)
    await atlas.say(tone(1250, 3.0, RATE))
    await eventually(lambda: clearest(phone.heard, 1250, rate) > 0.95, "the room is heard")


async def test_two_who_speak_at_once_are_both_heard(room: OpenRoom) -> None:
    phone, atlas, human = await room.phone(), await room.person(), await room.person("human-1")
    await phone.listens(2)
    await asyncio.gather(atlas.say(tone(700, 3.0, RATE)), human.say(tone(1900, 3.0, RATE)))
    middle = bytes(phone.heard[-8000 * 4 : -8000])
    pieces = [middle[at : at + 8000] for at in range(0, len(middle), 4000)]
    least = max(min(share_at(piece, 700), share_at(piece, 1900)) for piece in pieces)
    assert least > 0.4


async def test_two_who_are_loud_do_not_turn_round_into_noise(room: OpenRoom) -> None:
    phone, atlas, human = await room.phone(), await room.person(), await room.person("human-1")
    await phone.listens(2)
    loud = tone(700, 3.0, RATE, level=30_000)
    await asyncio.gather(atlas.say(loud), human.say(loud))
    assert clearest(phone.heard, 700, 8000) > 0.8
