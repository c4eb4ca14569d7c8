"""WAV files in and out of a call: 16-bit mono at whatever rate the call's codec has."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from bridge.console.resampling import Samples, resampled
from bridge.private_files import create_private
from bridge.sdp import CODECS

_LONGEST = 600.0


class SoundError(ValueError):
    """A file that cannot be played, in a sentence."""


class Sound:
    """What is played to the far side; `at` gives it at the rate of the call's codec."""

    def __init__(self, samples: Samples, rate: int) -> None:
        self.samples = samples
        self.rate = rate
        self._at: dict[int, bytes] = {}

    @classmethod
    def read(cls, file: Path) -> Sound:
        """Raises SoundError. Not for the event loop."""
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
        sound = cls(np.frombuffer(data, dtype="<i2").astype(np.int16)[::channels], rate)
        sound.prepare()
        return sound

    @property
    def seconds(self) -> float:
        return self.samples.size / self.rate

    def prepare(self) -> None:
        """For every codec; it takes seconds for minutes of sound, so not in the event loop."""
        for rate in {codec.sample_rate for codec in CODECS}:
            self._at[rate] = resampled(self.samples, self.rate, rate).astype("<i2").tobytes()

    def at(self, rate: int) -> bytes:
        """PCM, 16-bit little-endian."""
        return self._at[rate]


class Recording:
    """What the far side said, in its time: seconds without any audio of it are silence."""

    def __init__(self, file: Path) -> None:
        """Raises OSError. Only its owner may read it: it holds a voice."""
        self._opened = create_private(file)
        self._file = wave.open(self._opened, "wb")  # noqa: SIM115
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
            heard = np.frombuffer(pcm, dtype="<i2").astype(np.int16)
            pcm = resampled(heard, rate, self._rate).astype("<i2").tobytes()
        missing = int((now - self._began) * self._rate) - self._written
        if missing > self._GAP * self._rate:
            self._put(bytes(2 * missing))
        self._put(pcm)

    def close(self) -> None:
        if not self._rate:
            self._file.setframerate(8_000)
        self._file.close()
        self._opened.close()

    def _put(self, pcm: bytes) -> None:
        self._written += len(pcm) // 2
        self._file.writeframesraw(pcm)
