"""Sounds, and what is in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def tone(hertz: float, seconds: float, rate: int = 8000, level: float = 8000.0) -> bytes:
    at = np.arange(round(seconds * rate))
    return bytes((level * np.sin(2 * np.pi * hertz * at / rate)).astype("<i2").tobytes())


def speech(seconds: float, rate: int = 8000, seed: int = 1) -> bytes:
    """Noise in a changing voice: each part is unlike every other one, so that it can be found."""
    chance = np.random.default_rng(seed)
    noise = chance.normal(size=round(seconds * rate))
    smooth = np.convolve(noise, np.hanning(9) / np.hanning(9).sum(), "same")
    loudness = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(len(smooth)) / rate)
    return bytes((smooth * loudness * 9000).clip(-32768, 32767).astype("<i2").tobytes())


def samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def loudest(pcm: bytes, rate: int = 8000) -> float:
    """The frequency (Hz) with the most energy."""
    heard = samples(pcm)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    return float(np.argmax(spectrum) * rate / len(heard))


def share_at(pcm: bytes, hertz: float, rate: int = 8000) -> float:
    """Of the energy, within 20 Hz of this frequency (0 to 1)."""
    heard = samples(pcm)
    power = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(heard), 1 / rate) - hertz) <= 20
    return float(power[near].sum() / max(power.sum(), 1e-9))


def clear(pcm: bytes, hertz: float, rate: int = 8000) -> float:
    """The share of tenths of a second in which nearly nothing but this frequency is heard."""
    size = rate // 10 * 2
    pieces = [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
    return sum(share_at(piece, hertz, rate) > 0.8 for piece in pieces) / len(pieces)


def loudness(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(samples(pcm) ** 2))) if pcm else 0.0


def likeness(heard: bytes, said: bytes) -> float:
    """The best correlation of `said` with any part of `heard` (0 to 1)."""
    return found(heard, said)[0]


def found(heard: bytes, said: bytes) -> tuple[float, int]:
    """The same, and the sample at which it is."""
    long, short = samples(heard), samples(said)
    size = 1 << (len(long) + len(short)).bit_length()
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    sums = np.concatenate([[0.0], np.cumsum(long**2)])
    energy = sums[len(short) :] - sums[: -len(short)]
    best = product[: len(energy)] / np.sqrt(np.maximum(energy, 1.0) * np.sum(short**2))
    return float(best.max()), int(best.argmax())
