"""What changes while a call lasts: who is heard, the codec, holds, and stalls of our own."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from tests.bridge.room.audio.conftest import OpenRoom
from tests.bridge.room.audio.room import RATE, Person, Phone, clearest, eventually
from tests.bridge.rtp.sound import samples, tone

pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time,
    pytest.mark.asyncio(loop_scope="session"),
]


def loudness(pcm: bytes | bytearray) -> float:
    return float(abs(samples(bytes(pcm))).mean()) if pcm else 0.0


async def test_whom_we_forget_is_silent_at_once(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    (sid,) = await phone.listens(1)
    speaking = asyncio.create_task(atlas.say(tone(700, 2.0, RATE)))
    await asyncio.sleep(1.0)
    assert loudness(phone.heard[-8000:]) > 1000
    phone.earpiece.forget(sid)
    phone.heard.clear()
    await speaking
    assert loudness(phone.heard) == 0
    phone.earpiece.forget(sid)  # again, and nothing happens


async def test_who_comes_again_is_heard_once(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    for _ in range(3):
        (sid,) = await phone.listens(1)
        await atlas.unpublish()
        await eventually(lambda: not atlas.room.local_participant.track_publications, "unpublished")
        phone.subscribed.clear()
        phone.earpiece.forget(sid)
        await atlas.publish()
    (sid,) = await phone.listens(1)
    await atlas.say(tone(700, 2.0, RATE, level=6000))
    assert clearest(phone.heard, 700, 8000) > 0.95
    assert abs(samples(bytes(phone.heard))).max() < 9000, "a second copy of the voice is in the mix"


@pytest.mark.parametrize("published", [8000, 16_000])
async def test_a_codec_with_another_rate_changes_neither_pitch_nor_track(
    room: OpenRoom, published: int
) -> None:
    phone, atlas = await room.phone(published), await room.person()
    await phone.listens(1)
    for rate in (8000, 16_000, 8000):
        phone.set_rate(rate)
        phone.heard.clear()
        atlas.heard.clear()
        phone.saying += tone(1250, 3.0, rate)
        await atlas.say(tone(700, 3.0, RATE))
        await eventually(partial(_both_heard, phone, atlas, rate), f"both at {rate} Hz")
    assert atlas.subscriptions == 1


async def test_what_is_said_during_a_hold_is_not_said_after_it(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    await phone.listens(1)
    phone.earpiece.muted = True
    phone.heard.clear()
    await atlas.say(tone(700, 2.0, RATE))
    assert loudness(phone.heard) == 0
    await asyncio.sleep(0.3)  # what is still on its way
    phone.earpiece.muted = False
    phone.heard.clear()
    await asyncio.sleep(0.5)
    assert loudness(phone.heard) < 50


async def test_a_pacer_that_stops_asking_fills_no_memory(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    await phone.listens(1)
    phone.hang()
    await atlas.say(tone(700, 2.0, RATE))
    waiting = [len(voice._waiting) for voice in phone.earpiece._voices.values()]
    assert max(waiting) <= 3


async def test_a_phone_that_says_nothing_for_a_while_is_in_time_afterwards(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    await eventually(lambda: len(atlas.heard) > RATE, "the room hears the phone")
    before = await _delay(phone.saying, atlas.heard)
    phone.hang()  # as a hold does: nothing is fed
    await asyncio.sleep(2.0)
    phone.go_on()
    await asyncio.sleep(0.5)
    assert await _delay(phone.saying, atlas.heard) < before + 0.5


async def test_a_stall_of_ours_leaves_no_delay(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    await eventually(lambda: len(atlas.heard) > RATE, "the room hears the phone")
    before = await _delay(phone.saying, atlas.heard)
    time.sleep(0.4)  # noqa: ASYNC251 - the very thing
    await asyncio.sleep(1.0)
    assert await _delay(phone.saying, atlas.heard) < before + 0.2


def _both_heard(phone: Phone, atlas: Person, rate: int) -> bool:
    return clearest(phone.heard, 700, rate) > 0.95 and clearest(atlas.heard, 1250, RATE) > 0.9


async def _delay(saying: bytearray, heard: bytearray) -> float:
    """Seconds until the first loud sound."""
    heard.clear()
    said = time.monotonic()
    saying += tone(1000, 0.3)
    await eventually(lambda: loudness(heard[-640:]) > 500, "the tone is heard")
    return time.monotonic() - said
