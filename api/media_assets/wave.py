"""Samples as a WAV file (RIFF, 16 bits, mono)."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]
"""Between -1 and 1."""


def wav(sound: Sound, rate: int) -> bytes:
    """`rate`: samples a second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
    return file.getvalue()
