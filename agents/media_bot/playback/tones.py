"""What is heard when the asset of a tone cannot be had: silence would tell a caller nothing."""

from __future__ import annotations

import numpy as np

from agents.media_bot.playback.decoding import SAMPLE_RATE, VOLUME, Samples

_HERTZ = 425  # ITU-T E.180; so do all of Europe and most others
_LOUDNESS = 8_000


def busy() -> Samples:
    """Four seconds; whoever plays it once has heard enough."""
    return np.tile(_cadence(on=0.5, off=0.5), 4)


def ringback() -> Samples:
    return _cadence(on=1.0, off=4.0)


def _cadence(*, on: float, off: float) -> Samples:
    moments = np.arange(int(on * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * _HERTZ * moments) * _LOUDNESS * VOLUME
    return np.pad(tone.astype(np.int16), (0, int(off * SAMPLE_RATE)))
