"""One sound at another rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_BLOCK, _GUARD = 8, 1  # whole seconds, so that both rates have whole samples


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """By its spectrum, cut or widened; block by block, so that memory does not grow with it."""
    if rate == wanted or not samples.size:
        return samples
    block, guard = _BLOCK * rate, _GUARD * rate
    pieces = []
    for start in range(0, samples.size, block):
        first = max(0, start - guard)
        whole = _by_spectrum(samples[first : start + block + guard], rate, wanted)
        skipped = (start - first) // rate * wanted
        kept = round(min(block, samples.size - start) * wanted / rate)
        pieces.append(whole[skipped : skipped + kept])
    return np.concatenate(pieces)


def _by_spectrum(samples: Samples, rate: int, wanted: int) -> Samples:
    size = max(1, round(samples.size * wanted / rate))
    spectrum = np.fft.rfft(samples.astype(np.float64))
    cut = np.zeros(size // 2 + 1, dtype=complex)
    shared = min(cut.size, spectrum.size)
    cut[:shared] = spectrum[:shared]
    wave_form = np.fft.irfft(cut, size) * (size / samples.size)
    return np.clip(np.rint(wave_form), -32768, 32767).astype(np.int16)
