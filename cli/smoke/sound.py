"""What the caller of a smoke test says: mono samples from a WAV file."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli.errors import Usage

# "What are your opening hours?", by espeak-ng: the sandbox knows the sentence, real providers
# understand it.
QUESTION = Path(__file__).parent / "question.wav"

_LONGEST = 15.0


@dataclass(frozen=True, slots=True)
class Sound:
    samples: NDArray[np.int16]
    rate: int

    @property
    def seconds(self) -> float:
        return self.samples.size / self.rate


def read_wav(file: Path) -> Sound:
    """Raises Usage with what is wrong with it."""
    try:
        with wave.open(str(file), "rb") as opened:
            channels, width, rate = opened.getparams()[:3]
            data = opened.readframes(opened.getnframes())
    except OSError as trouble:
        raise Usage(f"{file} cannot be read: {trouble.strerror}.") from None
    except (wave.Error, EOFError):
        raise Usage(f"{file} is no WAV file with plain PCM samples.") from None
    if width != 2 or not 8_000 <= rate <= 48_000:
        raise Usage(f"{file} must have 16-bit samples at 8 to 48 kHz.")
    sound = Sound(np.frombuffer(data, dtype="<i2").astype(np.int16)[::channels], rate)
    if not 0.2 <= sound.seconds <= _LONGEST:
        raise Usage(f"{file} must last from 0.2 to {_LONGEST:.0f} s, not {sound.seconds:.1f} s.")
    return sound
