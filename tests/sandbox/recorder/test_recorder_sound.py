"""What was said in the room is in the file, at its place."""

from __future__ import annotations

import asyncio
import time

import pytest
from livekit.protocol.egress import EgressStatus

from tests.sandbox.recorder.bench import Bench, Sound

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

LOUD, QUIET = 0.05, 0.01
# LiveKit takes its time until a track that was just published is heard: of the room, not of the
# file. Where a track that is heard already changes its sound, the file is held to its clock.
SUBSCRIBED = 1.0


def is_active(info: object) -> bool:
    return info.status == EgressStatus.EGRESS_ACTIVE


def is_complete(info: object) -> bool:
    return info.status == EgressStatus.EGRESS_COMPLETE


@pytest.mark.real_time  # it compares a file's clock with ours
async def test_two_speakers_a_late_joiner_and_a_pause(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller, bench.speaker(room, "atlas-1") as atlas:
        caller.hz, atlas.hz = 440, 1200
        await caller.publish()
        egress = await bench.start(room)
        info = await bench.until(egress.egress_id, is_active)
        # The file's own clock, as told by the recorder; the tests' clock is the same machine's.
        origin = info.file.started_at / 1e9
        await asyncio.sleep(1.0)
        await atlas.publish()
        joined = time.time() - origin
        await asyncio.sleep(SUBSCRIBED + 0.6)
        caller.hz = 0.0
        silent_from = time.time() - origin
        await asyncio.sleep(1.0)
        caller.hz = 440
        silent_to = time.time() - origin
        await asyncio.sleep(0.7)
        await caller.unpublish()
        gone_from = time.time() - origin
        await asyncio.sleep(0.7)
        await caller.publish()
        back = time.time() - origin
        await asyncio.sleep(SUBSCRIBED + 0.6)
        await bench.stop(egress.egress_id)
        real = time.time() - origin
        info = await bench.until(egress.egress_id, is_complete)
    sound = Sound.of(await bench.object(info.file.filename))

    assert (sound.codec, sound.rate, sound.stereo.shape[0]) == ("opus", 48_000, 2)
    assert sound.seconds == pytest.approx(real, abs=0.5)
    assert info.file.duration / 1e9 == pytest.approx(sound.seconds, abs=0.02)
    assert joined - 0.3 < sound.onset_of(1200) < joined + SUBSCRIBED
    for hz in (440, 1200):
        assert sound.loudness_of(hz, joined + SUBSCRIBED, silent_from - 0.1) > LOUD
    assert sound.loudness_of(800, joined + SUBSCRIBED, silent_from - 0.1) < QUIET
    assert sound.loudness_of(440, silent_from + 0.35, silent_to - 0.05) < QUIET
    assert sound.loudness_of(440, silent_to + 0.35, gone_from - 0.05) > LOUD
    assert sound.loudness_of(440, gone_from + 0.35, back - 0.05) < QUIET
    assert sound.loudness_of(440, back + SUBSCRIBED, real - 0.1) > LOUD
    assert sound.loudness_of(1200, silent_from + 0.35, real - 0.1) > LOUD


async def test_nobody_in_the_room_sees_the_recorder(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        seen: asyncio.Queue[str] = asyncio.Queue()
        caller.room.on("participant_connected", lambda who: seen.put_nowait(who.identity))
        await caller.publish()
        egress = await bench.start(room)
        await bench.until(egress.egress_id, is_active)
        async with bench.speaker(room, "late") as late:
            assert await asyncio.wait_for(seen.get(), 3) == "late"
            assert set(late.room.remote_participants) == {"caller"}
        assert seen.empty()
        participants = await bench.participants(room)
        recorder = next(one for one in participants if one.identity == egress.egress_id)
        assert recorder.permission.hidden
        assert recorder.permission.recorder
        assert not recorder.permission.can_publish
        assert not recorder.permission.can_publish_data
        await bench.stop(egress.egress_id)
        await bench.until(egress.egress_id, is_complete)
