"""The tones of a telephone network, by ITU-T E.180 (contract.media)."""

from __future__ import annotations

import numpy as np

from api.media_assets.wave import Sound
from contract.media import BUSY_CADENCE, BUSY_TONES, RINGBACK_CADENCE, TONE_HERTZ

_LOUDNESS = 0.25
# A tone that sets in at once clicks.
_FADE = 0.005  # seconds


def busy(rate: int) -> Sound:
    return np.tile(_cadence(*BUSY_CADENCE, rate), BUSY_TONES)


def ringback(rate: int) -> Sound:
    return _cadence(*RINGBACK_CADENCE, rate)


def _cadence(on: float, off: float, rate: int) -> Sound:
    moments = np.arange(round(on * rate)) / rate
    swell = np.minimum(1.0, np.minimum(moments, on - moments) / _FADE)
    tone = np.sin(2 * np.pi * TONE_HERTZ * moments) * swell * _LOUDNESS
    return np.pad(tone, (0, round(off * rate)))
