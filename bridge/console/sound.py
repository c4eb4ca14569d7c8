"""WAV files in and out of a call: 16-bit mono at whatever rate the call's codec has."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_LONGEST = 600.0


class SoundError(ValueError):
    """A file that cannot be played, in a sentence."""


class Sound:
    """What is played to the far side; `at` gives it at the rate that a call turns out to have."""

    def __init__(self, samples: Samples, rate: int) -> None:
        self.samples = samples
        self.rate = rate

    @classmethod
    def read(cls, file: Path) -> Sound:
        """Raises SoundError."""
        try:
            with wave.open(str(file), "rb") as opened:
                channels, width, rate, count = opened.getparams()[:4]
                if width != 2 or not 8_000 <= rate <= 48_000:
                    raise SoundError(f"{file} must have 16-bit samples at 8 to 48 kHz.")
                if count > _LONGEST * rate:
                    raise SoundError(f"{file} is longer than {_LONGEST:.0f} s.")
                data = opened.readframes(count)
        except OSError as trouble:
            raise SoundError(f"{file} cannot be read: {trouble.strerror}.") from None
        except (wave.Error, EOFError):
            raise SoundError(f"{file} is no WAV file with plain PCM samples.") from None
        return cls(np.frombuffer(data, dtype="<i2").astype(np.int16)[::channels], rate)

    @property
    def seconds(self) -> float:
        return self.samples.size / self.rate

    def at(self, rate: int) -> bytes:
        """PCM, 16-bit little-endian. The spectrum is cut or widened, all of it at once."""
        if rate == self.rate or not self.samples.size:
            return self.samples.astype("<i2").tobytes()
        size = max(1, round(self.samples.size * rate / self.rate))
        spectrum = np.fft.rfft(self.samples.astype(np.float64))
        wanted = np.zeros(size // 2 + 1, dtype=complex)
        shared = min(wanted.size, spectrum.size)
        wanted[:shared] = spectrum[:shared]
        wave_form = np.fft.irfft(wanted, size) * (size / self.samples.size)
        return np.clip(np.rint(wave_form), -32768, 32767).astype("<i2").tobytes()


class Recording:
    """What the far side said, in its time: seconds without any audio of it are silence."""

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        self._file = wave.open(str(file), "wb")  # noqa: SIM115
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._rate = 0
        self._written = 0
        self._began = 0.0

    _GAP = 0.2  # seconds; less than that is how frames come

    def write(self, pcm: bytes, rate: int, now: float) -> None:
        """20 ms or so, as they come."""
        if not self._rate:
            self._rate, self._began = rate, now
            self._file.setframerate(rate)
        if rate != self._rate:  # a re-INVITE chose another codec
            pcm = Sound(np.frombuffer(pcm, dtype="<i2").astype(np.int16), rate).at(self._rate)
        missing = int((now - self._began) * self._rate) - self._written
        if missing > self._GAP * self._rate:
            self._put(bytes(2 * missing))
        self._put(pcm)

    def close(self) -> None:
        if not self._rate:
            self._file.setframerate(8_000)
        self._file.close()

    def _put(self, pcm: bytes) -> None:
        self._written += len(pcm) // 2
        self._file.writeframesraw(pcm)
