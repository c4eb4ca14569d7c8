"""8 kHz for a track that has 16."""

from __future__ import annotations

import numpy as np

_REACH = 12  # samples to each side that a new one in between is made of
_OFFSETS = np.arange(-_REACH + 0.5, _REACH)
_TAPS = np.sinc(_OFFSETS) * np.kaiser(2 * _REACH, 8)
_TAPS = (_TAPS / _TAPS.sum()).astype(np.float32)


class Doubler:
    """16 bit mono at twice its rate, without the images above 4.5 kHz that a straight line between
    samples would leave (recognisers take those for consonants). 1.5 ms late."""

    def __init__(self) -> None:
        self._last = np.zeros(2 * _REACH - 1, dtype=np.float32)

    def __call__(self, pcm: bytes) -> bytes:
        heard = np.concatenate((self._last, np.frombuffer(pcm, dtype="<i2").astype(np.float32)))
        self._last = heard[1 - 2 * _REACH :]
        doubled = np.empty(len(pcm), dtype=np.float32)
        doubled[0::2] = heard[_REACH - 1 : _REACH - 1 + len(pcm) // 2]
        doubled[1::2] = np.convolve(heard, _TAPS, "valid")
        return doubled.clip(-32768, 32767).astype("<i2").tobytes()
