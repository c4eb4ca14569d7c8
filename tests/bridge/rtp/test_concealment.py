"""Sound that is made up, judged by what is in it."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.rtp.concealment import Concealer
from tests.bridge.rtp.sound import loudest, loudness, samples, share_at, speech, tone

RATES = [8000, 16000]


def frames(pcm: bytes, rate: int) -> list[bytes]:
    size = rate // 50 * 2
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [180, 440, 1000])
def test_a_tone_goes_on_through_one_lost_frame(hertz: int, rate: int) -> None:
    concealer = Concealer(rate)
    said = frames(tone(hertz, 0.4, rate), rate)
    out = [
        concealer.conceal(rate // 50) if number == 10 else concealer.heard(frame)
        for number, frame in enumerate(said)
    ]
    heard = b"".join(out)
    assert len(heard) == len(b"".join(said))
    assert loudest(out[10], rate) == pytest.approx(hertz, abs=50)
    assert loudness(out[10]) > 0.7 * loudness(said[10])
    steps = np.abs(np.diff(samples(heard)))
    assert steps.max() < 1.5 * np.abs(np.diff(samples(b"".join(said)))).max()  # no click
    assert share_at(heard, hertz, rate) > 0.9


@pytest.mark.parametrize("rate", RATES)
def test_a_long_loss_fades_into_silence(rate: int) -> None:
    concealer = Concealer(rate)
    for frame in frames(speech(0.2, rate), rate):
        concealer.heard(frame)
    levels = [loudness(concealer.conceal(rate // 50)) for _ in range(6)]
    assert levels[0] > levels[1] > levels[2]
    assert levels[3:] == [0, 0, 0]
    assert concealer.is_silent


def test_nothing_is_made_up_before_anything_was_heard_nor_after_silence() -> None:
    concealer = Concealer(8000)
    assert concealer.conceal(160) == bytes(320)
    concealer.heard(tone(440, 0.1))
    concealer.silence()
    assert concealer.conceal(160) == bytes(320)


def test_losses_of_any_length_keep_the_time() -> None:
    concealer = Concealer(8000)
    concealer.heard(tone(440, 0.01))
    for size in (1, 7, 80, 159, 160, 1000):
        assert len(concealer.conceal(size)) == 2 * size
        assert len(concealer.heard(tone(440, size / 8000))) == 2 * size
