"""By ear, on a real LiveKit: what a caller hears of Media Bot when the attributes say so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from livekit import api, rtc

from contract.identity import AgentRole
from contract.rooms import Attribute
from sandbox.caller.caller import Caller
from sandbox.caller.hearing import SAMPLE_RATE, Hearing
from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.line import MEDIA_BOT, Line
from tests.agents.media_bot.sounds import LOUDNESS, loudest_hertz, mp3, part_at, tone, wav
from tests.agents.rig import Rig, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

MUSIC, OTHER, SHORT = 441.0, 882.0, 1322.0  # whole periods in each asset
# How exactly it is in time, the figures at the end judge by their median.
SOON = 0.6
CALLERS: list[Caller] = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[AssetHost]:
    async with AssetHost() as host:
        host.files = {
            "music.mp3": mp3(tone(MUSIC, 3.0)),
            "other.wav": wav(tone(OTHER, 2.0)),
            "short.wav": wav(tone(SHORT, 0.5)),
            "page.mp3": b"<html>Not what you think.</html>" * 20,
        }
        yield host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(host: AssetHost, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    folder: Path = tmp_path_factory.mktemp("media")
    settings = {"MEDIA_ASSET_HOSTS": host.name, "MEDIA_CACHE_FOLDER": str(folder)}
    async with Rig(only=("media-bot",), media_bot=settings) as rig:
        yield rig


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nobody_stays(host: AssetHost) -> AsyncIterator[None]:
    yield
    host.delay, host.status = 0.0, 200
    for caller in CALLERS:
        await caller.leave()
    CALLERS.clear()


async def a_line(rig: Rig, host: AssetHost) -> Line:
    line = await Line.placed(rig, host)
    CALLERS.append(line.caller)
    return line


async def test_nothing_is_published_before_something_is_played(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    await line.stop()
    await asyncio.sleep(0.5)
    bot = line.caller.room.remote_participants[MEDIA_BOT]
    assert not bot.track_publications
    await line.hears(MUSIC, since=await line.play("music.mp3", loop=True))
    [track] = bot.track_publications.values()
    assert (track.source, track.name) == (rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO, "media")


async def test_hold_music_loops_at_60_percent_without_a_seam_until_it_is_stopped(
    rig: Rig, host: AssetHost
) -> None:
    line = await a_line(rig, host)
    first = await line.hears(MUSIC, since=await line.play("music.mp3", loop=True, purpose="hold"))
    await asyncio.sleep(6.5)
    heard = line.ear.pcm(first + 0.3, first + 6.3).astype(np.float64)
    # Two seams are in there: every tenth of a second is the tone and nothing else.
    tenths = [heard[at : at + 1600] for at in range(0, heard.size - 1600, 400)]
    assert min(part_at(tenth, MUSIC, SAMPLE_RATE) for tenth in tenths) > 0.99
    level = np.sqrt(2 * np.mean(heard**2))
    assert level == pytest.approx(0.6 * LOUDNESS, rel=0.1)
    stopped = await line.stop()
    await asyncio.sleep(0.8)
    assert line.ear.last_loud is not None
    assert line.ear.last_loud - stopped < SOON
    assert await line.told() == ["playback_started", "playback_ended"]


async def test_the_same_command_again_is_nothing_and_a_newer_one_replaces(
    rig: Rig, host: AssetHost
) -> None:
    line = await a_line(rig, host)
    at = await line.play("music.mp3", loop=True, purpose="hold", command_id="same")
    await line.hears(MUSIC, since=at)
    at = await line.play("other.wav", loop=True, purpose="hold", command_id="same")
    await asyncio.sleep(0.7)
    assert loudest_hertz(line.ear.pcm(at + 0.2), SAMPLE_RATE) == pytest.approx(MUSIC, abs=8)
    at = await line.play("other.wav", loop=True, purpose="hold")
    await asyncio.sleep(1.2)
    heard = line.ear.pcm(at + 0.6)
    assert part_at(heard, OTHER, SAMPLE_RATE) > 0.99


async def test_plays_and_stops_in_quick_succession_never_fail(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    await line.hears(MUSIC, since=await line.play("music.mp3", loop=True, purpose="hold"))
    for pause in np.linspace(0.0, 0.2, 25):
        await line.play("music.mp3", loop=True, purpose="hold")
        await asyncio.sleep(float(pause))
        await line.stop()
    at = await line.play("other.wav", loop=True, purpose="hold")
    await asyncio.sleep(1.2)
    assert part_at(line.ear.pcm(at + 0.6), OTHER, SAMPLE_RATE) > 0.99
    assert "playback_failed" not in await line.told()


async def test_stop_wins_over_a_play_that_is_still_loading(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    host.files["slow.wav"] = wav(tone(MUSIC, 2.0))
    host.delay = 1.0
    at = await line.play("slow.wav", purpose="hold")
    await asyncio.sleep(0.2)
    await line.stop()
    await asyncio.sleep(1.8)
    assert line.ear.first_loud(at) is None
    assert await line.told() == []


async def test_what_was_ordered_before_media_bot_came_is_played(rig: Rig, host: AssetHost) -> None:
    call = await rig.open_call()
    caller = await call.join()
    CALLERS.append(caller)
    line = Line(call, caller, host)
    at = await line.play("music.mp3", loop=True, purpose="hold")
    await call.dispatch(AgentRole.MEDIA_BOT)
    await line.hears(MUSIC, since=at)


async def test_a_successor_goes_on_with_a_loop(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    await line.hears(MUSIC, since=await line.play("music.mp3", loop=True, purpose="hold"))
    room, identity = line.call.id, MEDIA_BOT
    await rig.livekit.room.remove_participant(
        api.RoomParticipantIdentity(room=room, identity=identity)
    )
    await line.ear.wait_for_quiet(0.5)
    await line.call.dispatch(AgentRole.MEDIA_BOT, generation=2)
    successor = line.caller.voices.setdefault("media-bot-2", Hearing())
    first = await successor.wait_until_heard(0.5, timeout=10)
    heard = successor.pcm(first + 0.1, first + 0.5)
    assert loudest_hertz(heard, SAMPLE_RATE) == pytest.approx(MUSIC, abs=8)


async def test_a_successor_does_not_repeat_a_clip(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    at = await line.play("short.wav", purpose="clip")
    await line.ear.wait_until_heard(0.3, since=at)
    await eventually(lambda: _is_marked(line), 5, "the clip was never marked as done")
    await line.call.dispatch(AgentRole.MEDIA_BOT, generation=2)
    await eventually(lambda: _is_there(line, "media-bot-2"), 10, "no successor came")
    await asyncio.sleep(1)
    second = line.caller.voices.setdefault("media-bot-2", Hearing())
    assert second.first_loud() is None


async def _is_marked(line: Line) -> bool:
    return bool(line.caller.room.local_participant.attributes.get(Attribute.MEDIA_DONE))


async def _is_there(line: Line, identity: str) -> bool:
    return identity in await line.call.identities()


async def test_a_clip_ends_by_itself_and_the_room_stays(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    at = await line.play("short.wav", purpose="clip")
    first = await line.hears(SHORT, since=at, seconds=0.4)
    await asyncio.sleep(2)
    assert line.ear.loud_seconds(first - 0.01) == pytest.approx(0.55, abs=0.11)
    assert not line.caller.left.is_set()
    assert await line.told() == ["playback_started", "playback_ended"]
    await line.hears(SHORT, since=await line.play("short.wav", purpose="clip"), seconds=0.4)


async def test_a_ringback_repeats_until_it_is_stopped_however_short(
    rig: Rig, host: AssetHost
) -> None:
    line = await a_line(rig, host)
    first = await line.hears(SHORT, since=await line.play("short.wav", purpose="ringback"))
    await asyncio.sleep(2.2)
    heard = line.ear.pcm(first + 0.3, first + 2.3)
    assert part_at(heard, SHORT, SAMPLE_RATE) > 0.99
    await line.stop()
    at = time.monotonic() + SOON
    await asyncio.sleep(1.5)
    assert line.ear.first_loud(at) is None


@pytest.mark.parametrize("purpose", ["busy", ""])
async def test_the_room_closes_after_the_last_sample_was_heard(
    rig: Rig, host: AssetHost, purpose: str
) -> None:
    line = await a_line(rig, host)
    first = await line.hears(OTHER, since=await line.play("other.wav", purpose=purpose))
    await asyncio.wait_for(line.caller.left.wait(), 8)
    closed = time.monotonic()
    assert line.ear.loud_seconds(first - 0.01) == pytest.approx(2.05, abs=0.11)
    assert line.ear.last_loud is not None
    assert 0.2 < closed - line.ear.last_loud < 3.0


@pytest.mark.parametrize(
    ("name", "words"),
    [("gone.mp3", "status 404"), ("page.mp3", "not audio that can be decoded")],
)
async def test_hold_music_that_cannot_be_had_is_told_and_the_call_goes_on(
    rig: Rig, host: AssetHost, name: str, words: str
) -> None:
    line = await a_line(rig, host)
    at = await line.play(f"{name}?secret=x", loop=True, purpose="hold")
    fact = await line.call.fact("playback_failed")
    assert f"from {host.name}, because" in fact["data"]["detail"]
    assert words in fact["data"]["detail"]
    assert fact["data"]["host"] == host.name
    assert "secret" not in str(fact)
    await asyncio.sleep(0.5)
    assert line.ear.first_loud(at) is None
    await line.hears(MUSIC, since=await line.play("music.mp3", loop=True, purpose="hold"))


async def test_a_refused_address_is_told_and_not_asked(rig: Rig, host: AssetHost) -> None:
    line = await a_line(rig, host)
    await line.write(
        command="play",
        asset_url="https://169.254.169.254/latest/meta-data",
        loop="true",
        purpose="hold",
        command_id="metadata",
    )
    fact = await line.call.fact("playback_failed")
    assert "its address is not public" in fact["data"]["detail"]


async def test_a_busy_tone_that_cannot_be_had_is_a_plain_one_and_the_room_closes(
    rig: Rig, host: AssetHost
) -> None:
    line = await a_line(rig, host)
    await line.hears(425, since=await line.play("gone.mp3", purpose="busy"))
    await asyncio.wait_for(line.caller.left.wait(), 8)
    assert line.ear.loud_seconds() == pytest.approx(2.0, abs=0.2)


async def test_the_first_sample_comes_in_time(
    rig: Rig, host: AssetHost, record_property: pytest.RecordProperty
) -> None:
    """Twenty of each, of 30 s. Cached: the host is asked whether it is still the same, each time.

    The median must keep the budget of the 95th percentile: on a busy machine that one is noise.
    """
    line = await a_line(rig, host)
    music = mp3(tone(MUSIC, 30.0))
    figures: dict[str, list[float]] = {"cold": [], "cached": [], "silent": []}
    first_of_all = 0.0
    for number in range(42):
        name = "cached.mp3" if number % 2 else f"cold{number}.mp3"
        host.files.setdefault(name, music)
        at = await line.play(name, loop=True, purpose="hold")
        took = await line.ear.wait_until_heard(0.1, since=at, timeout=6) - at
        stopped = await line.stop()
        silent = await line.ear.wait_for_quiet(0.3) - stopped
        if number < 2:
            # The first publishes the track, and the caller has yet to subscribe to it.
            first_of_all = first_of_all or took
            continue
        figures["cached" if number % 2 else "cold"].append(took)
        figures["silent"].append(silent)
    for what, limit in (("cached", 0.15), ("cold", 0.4), ("silent", 0.15)):
        p50, p95 = np.percentile(figures[what], [50, 95])
        words = f"{what}: p50 {p50 * 1000:.0f}, p95 {p95 * 1000:.0f} ms of {len(figures[what])}"
        print(words, f"(the very first play {first_of_all * 1000:.0f} ms)")
        record_property(what, words)
        assert p50 < limit, words
