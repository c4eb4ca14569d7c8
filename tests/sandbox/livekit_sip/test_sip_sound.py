"""Sound and keys go both ways, from the answer on."""

from __future__ import annotations

import time
import wave
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.room.audio.room import RATE, clearest
from tests.bridge.rtp.sound import loudness, tone
from tests.sandbox.livekit_sip.bench import Bench, Guest, eventually, eventually_asked

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def heard(record: dict[str, Any], hertz: float) -> float:
    """How clear this tone was at the phone."""
    file = Path(record["heard"]["file"])
    with wave.open(str(file)) as sound:
        return clearest(sound.readframes(sound.getnframes()), hertz, sound.getframerate())


@pytest.mark.real_time  # what is heard is judged
async def test_the_room_hears_the_phone_and_the_phone_all_of_the_room(bench: Bench) -> None:
    call = await bench.talk("0103")
    await eventually(lambda: call.guest.hears(440), "the phone's tone in the room")
    await call.guest.say(tone(900, 2.0, RATE))
    # Nobody that our own bridge would listen to.
    stranger = Guest(bench.server, call.room, "a-stranger")
    await stranger.join()
    await stranger.say(tone(1500, 2.0, RATE))
    await stranger.leave()
    await call.does(hang_up=True)
    record = await call.over()
    assert heard(record, 900) > 0.7
    assert heard(record, 1500) > 0.7


@pytest.mark.real_time  # what is heard is judged
async def test_before_the_answer_nobody_hears_anybody(bench: Bench) -> None:
    call = await bench.dial("0108")  # announces, in early media
    await call.until("dialing", "ringing")
    await call.guest.say(tone(900, 1.0, RATE))
    assert call.guest.statuses[-1] == "ringing"
    assert loudness(bytes(call.guest.heard)) < 50
    await call.until("dialing", "ringing", "active")
    await call.guest.say(tone(1500, 2.0, RATE))
    await call.does(hang_up=True)
    record = await call.over()
    assert record["wire"]["before_answer"]["loudest"] < 50
    assert heard(record, 900) < 0.3
    assert heard(record, 1500) > 0.7


async def test_keys_of_the_phone_come_into_the_room(bench: Bench) -> None:
    call = await bench.talk("0120")
    await eventually(lambda: len(call.guest.digits) >= 4, "four keys")
    assert call.guest.digits == [(1, "1"), (2, "2"), (3, "3"), (11, "#")]
    assert call.guest.data == []


async def test_keys_of_the_room_are_pressed_on_the_phone(bench: Bench) -> None:
    call = await bench.talk()
    for code, digit in ((9, "9"), (0, "0"), (11, "#")):
        await call.guest.room.local_participant.publish_dtmf(code=code, digit=digit)

    async def pressed() -> bool:
        return bool((await call.record())["dtmf"] == "90#")

    await eventually_asked(pressed, "three keys at the phone")
    keys = [each for each in (await call.record())["doings"] if each["what"] == "dtmf"]
    assert {each["way"] for each in keys} == {"rtp"}


async def test_the_orders_keys_come_before_anybody_is_let_talk(bench: Bench) -> None:
    call = await bench.open("0101")
    began = time.monotonic()
    await bench.sip.create_sip_participant(
        bench.request(call.room, call.number, dtmf="9w1", wait_until_answered=True)
    )
    assert time.monotonic() - began > 1.4
    assert (await call.record())["dtmf"] == "91"
    await eventually(lambda: call.guest.statuses[-2:] == ["automation", "active"], "active")
