from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest

from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.decoding import MAX_SECONDS, SAMPLE_RATE, VOLUME, Samples, decode
from tests.agents.media_bot.sounds import (
    LOUDNESS,
    flac,
    loudest_hertz,
    mp3,
    part_at,
    tone,
    vorbis,
    wav,
)

pytestmark = pytest.mark.slow  # computes for seconds

FORMATS = [wav, flac, mp3, vorbis]


def decoded(data: bytes) -> Samples:
    return decode(data, threading.Event())


@pytest.mark.parametrize("encode", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_every_format_becomes_48_khz_mono_at_60_percent(
    encode: Callable[[Samples, int], bytes], rate: int
) -> None:
    samples = decoded(encode(tone(441, 2.0, rate), rate))
    # FFmpeg's Vorbis encoder ends with a whole block.
    assert samples.size == pytest.approx(2 * SAMPLE_RATE, abs=3_000 if encode is vorbis else 1)
    middle = samples[SAMPLE_RATE // 2 : SAMPLE_RATE * 3 // 2]
    assert loudest_hertz(middle, SAMPLE_RATE) == pytest.approx(441, abs=1)
    assert np.abs(middle).max() == pytest.approx(LOUDNESS * VOLUME, rel=0.05)


def test_stereo_is_heard_as_loud_as_mono() -> None:
    samples = decoded(wav(tone(440, 1.0), channels=2))
    assert np.abs(samples).max() == pytest.approx(LOUDNESS * VOLUME, rel=0.02)


@pytest.mark.parametrize(
    ("encode", "rate"), [(wav, 44_100), (wav, 22_050), (mp3, 44_100), (mp3, 48_000)]
)
def test_a_loop_has_no_audible_seam(encode: Callable[[Samples, int], bytes], rate: int) -> None:
    """Whole periods of a tone: played twice they are one longer tone, and anything else at the
    seam would be heard as a click, which is all over the spectrum."""
    samples = decoded(encode(tone(441, 3.0, rate), rate))
    assert samples.size == 3 * SAMPLE_RATE
    seam = np.concatenate([samples[-4800:], samples[:4800]]).astype(np.float64)
    assert part_at(seam, 441, SAMPLE_RATE) > 0.999_9
    # By correlation with the same a second earlier, which is 441 periods: what follows the seam
    # is where it should be, to the sample.
    inside = samples[-4800 - SAMPLE_RATE :][:9600].astype(np.float64)
    fits = {shift: float(np.dot(np.roll(seam, shift), inside)) for shift in range(-54, 55)}
    assert max(fits, key=lambda shift: fits[shift]) == 0


def test_the_check_of_the_seam_finds_25_missing_milliseconds() -> None:
    samples = decoded(wav(tone(441, 3.0)))
    broken = np.concatenate([samples[-4800:], np.zeros(1200), samples[:3600]])
    assert part_at(broken, 441, SAMPLE_RATE) < 0.99


def test_120_seconds_are_played_and_121_are_not() -> None:
    assert decoded(wav(np.ones(8_000 * 120, np.int16), 8_000)).size == MAX_SECONDS * SAMPLE_RATE
    with pytest.raises(BadAsset, match="longer than 120 s"):
        decoded(wav(np.ones(8_000 * 121, np.int16), 8_000))


def test_a_bomb_is_left_as_soon_as_it_is_too_long() -> None:
    """An hour of silence is 20 kB of MP3 a minute, or 700 of FLAC; decoded it would be 345 MB."""
    bomb = flac(np.zeros(16_000 * 3600, np.int16), 16_000)
    assert len(bomb) < 1_000_000
    with pytest.raises(BadAsset, match="longer than 120 s"):
        decoded(bomb)


def test_who_is_not_waited_for_any_more_gives_up() -> None:
    unwanted = threading.Event()
    unwanted.set()
    with pytest.raises(BadAsset):
        decode(wav(tone(440, 60.0)), unwanted)


JUNK = {
    "nothing": b"",
    "a page": b"<!DOCTYPE html><html><body>Not found</body></html>" * 50,
    "noise": os.urandom(100_000),
    "gzip": b"\x1f\x8b" + bytes(1000),
    "a wav without sound": wav(np.zeros(0, np.int16)),
    "the beginning of a wav": wav(tone(440, 1.0))[:40],
    "a rate of 1 Hz": wav(np.ones(1000, np.int16), 1),
    "a rate of 2 GHz": wav(np.ones(1000, np.int16), 2_000_000_000),
    "the beginning of a flac": flac(tone(440, 1.0))[:50],
    "the beginning of an ogg": vorbis(tone(440, 1.0))[:60],
    "an id3 tag alone": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(5000),
}


@pytest.mark.parametrize("data", JUNK.values(), ids=JUNK)
def test_what_is_no_sound_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(BadAsset, match=r"^(it is not audio|there is no sound)"):
        decoded(data)


@pytest.mark.parametrize("encode", FORMATS)
def test_a_broken_file_is_refused_or_played_as_far_as_it_goes(
    encode: Callable[[Samples], bytes],
) -> None:
    whole = encode(tone(440, 2.0))
    for at in range(100, len(whole), len(whole) // 7):
        broken = whole[:at] + os.urandom(64) + whole[at + 64 :]
        with suppress(BadAsset):
            assert decoded(broken).size <= 3 * SAMPLE_RATE
