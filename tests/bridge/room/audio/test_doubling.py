from __future__ import annotations

import numpy as np
import pytest

from bridge.room.doubling import Doubler
from tests.bridge.rtp.sound import samples, share_at, tone


def doubled(pcm: bytes) -> bytes:
    double = Doubler()
    return b"".join(double(pcm[at : at + 320]) for at in range(0, len(pcm), 320))


@pytest.mark.parametrize("hertz", [300, 1000, 3000, 3400])
def test_a_tone_stays_as_it_is_across_frames(hertz: float) -> None:
    pcm = doubled(tone(hertz, 1.0, level=8000))
    assert len(samples(pcm)) == 16_000
    middle = pcm[3200:-3200]
    assert share_at(middle, hertz, 16_000) > 0.999
    assert np.abs(samples(middle)).max() == pytest.approx(8000, rel=0.02)


def test_what_is_too_loud_is_cut_and_does_not_turn_round() -> None:
    quiet = tone(1000, 0.5, level=20_000)
    loud = (samples(quiet) * 2).clip(-32768, 32767).astype("<i2").tobytes()
    assert (samples(doubled(loud)) * samples(doubled(quiet)) >= -1e6).all()
