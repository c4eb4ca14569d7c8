"""From samples to the 12 mel cepstra that the ears compare.

The filters cover 200 to 3 400 Hz at every sample rate, so a clip that came over WebRTC (16 to
48 kHz) and one that came over the telephone (G.711, 8 kHz) give the same figures.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sandbox.providers.mouth import Samples

Floats = npt.NDArray[np.float32]

HOP_SECONDS = 0.010
STEP_SECONDS = 0.020  # every second frame is enough to tell sentences apart, at a quarter the cost
CEPSTRA = 12
_WINDOW_SECONDS = 0.050  # long: the grid of an utterance and of its reference never quite agree
_FILTERS = 24
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 3400.0
SPEECH_RANGE_DB = 30.0  # what is this far below the loudest frame counts as quiet
QUIETEST_DB = -55.0  # of full scale: below it nothing is speech


def levels(samples: Samples, rate: int) -> Floats:
    """Level of each 10 ms frame in dB of full scale; a trailing partial frame is left out."""
    hop = int(rate * HOP_SECONDS)
    whole = samples[: samples.size // hop * hop].reshape(-1, hop).astype(np.float32) / 32768.0
    power = np.mean(whole * whole, axis=1, dtype=np.float32)
    return np.asarray(10.0 * np.log10(power + 1e-10), dtype=np.float32)


def trim(samples: Samples, rate: int) -> Samples:
    """Cut the quiet at both ends. Empty when nothing in the clip is loud enough to be speech."""
    level = levels(samples, rate)
    if level.size == 0 or level.max() < QUIETEST_DB:
        return samples[:0]
    voiced = np.flatnonzero(level > max(level.max() - SPEECH_RANGE_DB, QUIETEST_DB))
    hop = int(rate * HOP_SECONDS)
    return samples[voiced[0] * hop : (voiced[-1] + 1) * hop]


def cepstra(samples: Samples, rate: int) -> Floats:
    """(frames, 12) cepstra, one per 20 ms, each column with mean 0 and variance 1 over the clip."""
    step, window = int(rate * STEP_SECONDS), int(rate * _WINDOW_SECONDS)
    if samples.size < window + step:
        return np.zeros((0, CEPSTRA), dtype=np.float32)
    signal = samples.astype(np.float32)
    signal = np.append(signal[0], signal[1:] - 0.97 * signal[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(signal, window)[::step]
    filters, cosines, taper, size = _tables(rate, window)
    power = np.abs(np.fft.rfft(frames * taper, size)).astype(np.float32) ** 2
    energies = power @ filters
    # A floor 50 dB below the clip's own loudest band: codec noise in the pauses stays flat.
    logs = np.log(energies + energies.max() * 1e-5 + 1e-3)
    coefficients = logs @ cosines
    centred = coefficients - coefficients.mean(axis=0)
    return np.asarray(centred / (coefficients.std(axis=0) + 1e-3), dtype=np.float32)


@lru_cache(maxsize=16)
def _tables(rate: int, window: int) -> tuple[Floats, Floats, Floats, int]:
    size = 1 << (window - 1).bit_length()
    bins = np.fft.rfftfreq(size, 1.0 / rate)
    edges = _hertz(np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), _FILTERS + 2))
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0.0, None)
    filters /= filters.sum(axis=0) + 1e-9  # the same figures whatever the width of a bin
    order = np.arange(1, CEPSTRA + 1)
    cosines = np.cos(np.pi * order * (np.arange(_FILTERS)[:, None] + 0.5) / _FILTERS)
    taper = np.hamming(window) / np.hamming(window).sum()
    as_floats = [table.astype(np.float32) for table in (filters, cosines, taper)]
    return as_floats[0], as_floats[1], as_floats[2], size


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
