"""What is heard where nothing came: the last sound goes on for a while, in the manner of G.711
appendix I (the last pitch period, repeated and faded)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BYTES = 2  # a sample
_HISTORY = 0.045  # s that are searched for a period
_PATTERN = 0.010  # s that are compared
_SHORTEST, _LONGEST = 0.005, 0.015  # s, of a period (200 to 66 Hz)
_STEADY, _FADED = 0.010, 0.060  # s of repetition until it fades, and until it has
_SEAM = 0.004  # s over which the made-up sound passes into the real one

Samples = NDArray[np.float32]


class Concealer:
    """For one stream of 16 bit PCM at `rate` Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._history = b""
        self._period: Samples | None = None  # while something is made up
        self._made = 0  # samples since the last real one

    def heard(self, pcm: bytes) -> bytes:
        """Real audio; its beginning is joined to what was made up before it."""
        if self._period is not None and self._made < self._samples(_FADED):
            pcm = self._joined(pcm)
        self._period, self._made = None, 0
        keep = self._samples(_HISTORY) * _BYTES
        self._history = pcm if len(pcm) >= keep else (self._history + pcm)[-keep:]
        return pcm

    def conceal(self, samples: int) -> bytes:
        """So many samples that are missing."""
        if self._made >= self._samples(_FADED) or not self._history:
            self._made += samples
            return bytes(samples * _BYTES)
        made = self._make(samples)
        self._made += samples
        return made.astype("<i2").tobytes()

    def silence(self) -> None:
        """What comes next is no loss: nothing is made up until something real was heard."""
        self._history, self._period = b"", None

    @property
    def is_silent(self) -> bool:
        """What it makes up is not even a fading sound any more."""
        return not self._history or self._made >= self._samples(_FADED)

    def _samples(self, seconds: float) -> int:
        return int(seconds * self._rate)

    def _make(self, samples: int) -> Samples:
        if self._period is None:
            self._period = self._last_period()
        at = self._made + np.arange(samples)
        sound = self._period[at % len(self._period)]
        steady, faded = self._samples(_STEADY), self._samples(_FADED)
        return np.asarray(sound * np.clip((faded - at) / (faded - steady), 0, 1), dtype=np.float32)

    def _last_period(self) -> Samples:
        history = np.frombuffer(self._history, dtype="<i2").astype(np.float32)
        pattern, longest = self._samples(_PATTERN), self._samples(_LONGEST)
        if len(history) < pattern + longest:
            return history
        end = history[-pattern:]
        lags = np.arange(self._samples(_SHORTEST), longest + 1)
        windows = np.lib.stride_tricks.sliding_window_view(history, pattern)
        earlier = windows[len(history) - pattern - lags]
        energy = np.einsum("ij,ij->i", earlier, earlier) + 1.0
        likeness = earlier @ end / np.sqrt(energy)
        return history[-int(lags[int(np.argmax(likeness))]) :]

    def _joined(self, pcm: bytes) -> bytes:
        seam = min(self._samples(_SEAM), len(pcm) // _BYTES)
        made = self._make(seam)
        real = np.frombuffer(pcm[: seam * _BYTES], dtype="<i2")
        weight = np.arange(1, seam + 1) / (seam + 1)
        return (
            bytes((made * (1 - weight) + real * weight).astype("<i2").tobytes())
            + (pcm[seam * _BYTES :])
        )
