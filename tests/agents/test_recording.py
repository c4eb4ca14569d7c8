from __future__ import annotations

import asyncio

from livekit import rtc

from agents.atlas.recording import Recording
from tests.agents import virtual_clock


def frame(number: int) -> rtc.AudioFrame:
    return rtc.AudioFrame(bytes([number, 0]), 24_000, 1, 1)


async def played(recording: Recording) -> list[int]:
    return [piece.data[0] async for piece in recording.frames()]


def test_a_recording_is_usable_from_its_first_frame_on() -> None:
    async def story() -> None:
        recording = Recording()
        assert not recording.is_usable
        recording.add(frame(1))
        assert recording.is_usable
        recording.end()
        assert recording.is_usable

    virtual_clock.run(story())


def test_it_plays_while_it_grows_and_as_often_as_wanted() -> None:
    async def story() -> None:
        recording = Recording()
        recording.add(frame(1))
        playing = asyncio.create_task(played(recording))
        for number in (2, 3):
            await asyncio.sleep(1)
            recording.add(frame(number))
        await asyncio.sleep(1)
        assert not playing.done()
        recording.end()
        assert await playing == [1, 2, 3]
        assert await played(recording) == [1, 2, 3]

    virtual_clock.run(story())


def test_one_that_failed_is_not_used_and_ends_whoever_plays_it() -> None:
    async def story() -> None:
        recording = Recording()
        recording.add(frame(1))
        playing = asyncio.create_task(played(recording))
        await asyncio.sleep(1)
        recording.fail()
        assert await playing == [1]
        assert not recording.is_usable

    virtual_clock.run(story())
