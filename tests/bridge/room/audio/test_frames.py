"""What `bridge/room/frames.py` takes for granted of livekit, which keeps it private."""

from __future__ import annotations

import asyncio
import inspect
import itertools

import pytest
from livekit import rtc
from livekit.rtc import _ffi_client
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto import ffi_pb2

from bridge.room.frames import FrameSource, FrameStream, _Slot
from tests.bridge.room.audio.conftest import OpenRoom
from tests.bridge.room.audio.room import RATE, eventually
from tests.bridge.rtp.sound import tone


def test_every_event_goes_through_the_queue_that_we_stand_before() -> None:
    callback = inspect.getsource(_ffi_client).partition("def ffi_event_callback")[2]
    assert "FfiClient.instance.queue.put(event)" in callback.partition("\ndef ")[0]


async def test_livekit_tells_of_each_frame_that_it_took_by_the_number_that_we_gave_it() -> None:
    source = FrameSource(8000)
    for _ in range(5):
        assert source.capture(bytes(320))
    await eventually(lambda: source.taken == 10, "all frames are taken")
    assert source.refused == 0
    await source.aclose()


async def test_events_that_are_not_ours_still_reach_who_waits_for_them() -> None:
    ours = FrameSource(8000)
    ours.capture(bytes(320))
    theirs = rtc.AudioSource(8000, 1, 100)
    async with asyncio.timeout(5):
        await theirs.capture_frame(rtc.AudioFrame(bytes(320), 8000, 1, 160))
    await theirs.aclose()
    await ours.aclose()


async def test_a_frame_that_livekit_refuses_is_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = FrameSource(8000)
    source.sample_rate = 16_000  # which its slots are then made for
    source._turn = itertools.repeat(_Slot(source, source._sorting))
    for _ in range(3):
        source.capture(bytes(320))
    await eventually(lambda: source.refused == 6, "all are refused")
    assert caplog.text.count("does not reach the room") == 1
    await source.aclose()


async def test_a_source_that_livekit_does_not_empty_is_not_filled_for_ever() -> None:
    source = FrameSource(8000)
    source.handed = 10_000
    assert not source.capture(bytes(320))


async def test_a_source_that_is_closed_takes_nothing() -> None:
    source = FrameSource(8000)
    await source.aclose()
    assert not source.capture(bytes(320))


@pytest.mark.stack
@pytest.mark.real_time
@pytest.mark.asyncio(loop_scope="session")
async def test_a_stream_gives_each_frame_once_and_ends_when_it_is_closed(room: OpenRoom) -> None:
    phone, atlas = await room.phone(), await room.person()
    (sid,) = await phone.listens(1)
    speaking = asyncio.create_task(atlas.say(tone(700, 2.0, RATE)))
    stream = FrameStream(phone.subscribed[sid], 8000, kept=500)
    await asyncio.sleep(1.0)
    heard = list(stream.waiting)
    assert {len(pcm) for pcm in heard} == {320}
    assert len(heard) == pytest.approx(50, abs=15)
    await speaking
    stream.close()
    assert not stream.waiting
    streams = stream._sorting.streams
    await eventually(lambda: stream.handle not in streams, "its end is told")


async def test_a_frame_of_a_stream_that_is_not_ours_is_left_to_the_library() -> None:
    source = FrameSource(8000)  # from now on we stand before the queue
    queue = FfiClient.instance.queue.subscribe()
    event = ffi_pb2.FfiEvent()
    event.audio_stream_event.stream_handle = 1 << 61
    event.audio_stream_event.eos.SetInParent()
    FfiClient.instance.queue.put(event)
    async with asyncio.timeout(5):
        assert await queue.wait_for(lambda other: other is event)
    FfiClient.instance.queue.unsubscribe(queue)
    await source.aclose()


async def test_what_livekit_does_not_know_is_refused() -> None:
    source = FrameSource(8000)
    await source.source.aclose()  # behind its back
    for _ in range(100):
        assert source.capture(bytes(320))
    assert source.refused == 200
