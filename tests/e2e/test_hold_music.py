"""A web caller whom an operator puts on hold hears music, and nobody hears them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from contract.media import TONE_HERTZ
from sandbox.caller.hearing import SAMPLE_RATE, Hearing
from tests.e2e.conversation import GREETING, OPENING_HOURS, answer_to, voice_of
from tests.e2e.hold_music import commanded, default_music, likeness
from tests.e2e.listening import VoiceEar, hear_out
from tests.e2e.switchboard import Switchboard, WebCall, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]

MEDIA_BOT = "media-bot-1"
MUSIC_SECONDS = 2.0


async def test_a_held_caller_hears_the_music_and_is_not_heard(
    switchboard: Switchboard, atlas: VoiceEar
) -> None:
    atlas.learn(GREETING)
    call = await switchboard.place_call(record=False)
    caller = await call.join()
    voice = await voice_of(caller)
    await hear_out(voice, atlas, caller.joined_at, timeout=20.0)

    await commanded(switchboard, call, "hold")
    held = time.monotonic()
    music = await voice_of(caller, MEDIA_BOT)
    began = await music.wait_until_heard(MUSIC_SECONDS, since=held)
    await caller.say(OPENING_HOURS)  # to nobody
    asset = await default_music(switchboard)
    assert likeness(music.pcm(began, began + MUSIC_SECONDS), asset) > 0.7
    # A stream whose track was taken away goes on with another one's sound (livekit_measured.md
    # section 4): what is heard under Atlas' name is the music as well, or nothing.
    until = began + MUSIC_SECONDS
    is_silent = voice.loud_seconds(began, until) == 0.0
    assert is_silent or likeness(voice.pcm(began, until), asset) > 0.7
    await commanded(switchboard, call, "resume")
    resumed = time.monotonic()
    assert await music.wait_for_quiet(1.0) < resumed + 1.0
    voice = await voice_of(caller)

    question = await caller.say(OPENING_HOURS)
    heard = await hear_out(voice, atlas, question.ended_at, timeout=15.0)
    assert heard is not None
    assert heard.text == answer_to(OPENING_HOURS)
    await plays_a_clip(switchboard, call, music)
    await caller.leave()

    record = await call.settled()
    assert record.said_by("caller") == [OPENING_HOURS]
    assert [hold["holder"] for hold in record.call["holds"]] == ["operator"]
    told = [entry["text"] for entry in record.timeline if entry["kind"].startswith("playback")]
    assert told[:2] == ["The hold music is played.", "The hold music ended when it was stopped."]
    assert record.call["ended_reason"] == "caller_hung_up"


async def plays_a_clip(switchboard: Switchboard, call: WebCall, heard: Hearing) -> None:
    asked = time.monotonic()
    clip = {"asset_url": f"{switchboard.description.api_url}/media/busy.wav"}
    await commanded(switchboard, call, "play", clip)
    first = await heard.wait_until_heard(0.3, since=asked)
    pcm = heard.pcm(first + 0.05, first + 0.4).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(pcm.size)))
    assert spectrum.argmax() * SAMPLE_RATE / pcm.size == pytest.approx(TONE_HERTZ, abs=10)
    await commanded(switchboard, call, "play/stop")

    async def is_told() -> bool:
        return "A clip ended when it was stopped." in [
            entry["text"] for entry in await call.timeline()
        ]

    await eventually(is_told, timeout=10, otherwise="the clip was never stopped")
