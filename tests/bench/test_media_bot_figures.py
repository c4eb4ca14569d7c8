"""The arithmetic of Media Bot's figures: that a broken loop would be seen."""

from __future__ import annotations

import numpy as np
import pytest

from agents.media_bot.playback.decoding import SAMPLE_RATE, VOLUME, Samples
from tests.agents.media_bot.sounds import LOUDNESS, tone
from tests.bench.media_bot_jobs import cpu_between
from tests.bench.media_seam import HERTZ, SECONDS, Floats, error_at, jump, off, on_the_track
from tests.bench.processes import Tree


def whole() -> Samples:
    return tone(HERTZ, SECONDS, SAMPLE_RATE, round(LOUDNESS * VOLUME))


def at_its_seam(samples: Samples) -> tuple[float, float]:
    looped = on_the_track(samples)
    return off(samples, looped, samples.size), error_at(looped, samples.size)


def test_a_loop_of_whole_periods_has_no_seam() -> None:
    missing, error = at_its_seam(whole())
    assert missing == 0
    assert error < 0.001


@pytest.mark.parametrize("change", [-1200, -1, 1, 1105], ids=lambda change: f"by{change:+}")
def test_samples_too_many_or_missing_are_counted_and_seen(change: int) -> None:
    """1105 is what an MP3 encoder puts before the sound, 1200 are 25 ms."""
    samples = np.pad(whole(), (0, change)) if change > 0 else whole()[:change]
    missing, error = at_its_seam(samples)
    assert missing == abs(change)
    assert error > 0.05


def test_a_seam_without_sound_for_a_moment_is_an_error_though_no_sample_is_missing() -> None:
    samples = whole()
    samples[:48] = 0
    missing, error = at_its_seam(samples)
    assert missing == 0
    assert error > 0.9


@pytest.mark.parametrize("lost", [0, 3, 12], ids=lambda lost: f"{lost}-lost")
def test_a_jump_of_the_phase_is_told_in_samples_of_48_khz(lost: int) -> None:
    rate = 16_000
    sound: Floats = tone(HERTZ, SECONDS, rate).astype(np.float64)
    seam = rate * 3 // 2
    broken = np.concatenate([sound[:seam], sound[seam + lost :]])
    assert jump(broken, 1.5, rate) == pytest.approx(3 * lost, abs=0.01)
    assert jump(broken, 0.75, rate) == pytest.approx(0, abs=0.01)


def test_cpu_is_the_difference_of_two_looks() -> None:
    assert cpu_between(Tree([1, 2], 2.0, 0, 0), Tree([1, 3], 2.75, 0, 0)) == 0.75
