"""Sound whose way can be timed: chirps in a hum, found again by cross-correlation.

The hum is periodic as voices are: a listener's jitter buffer shortens what waits in it by whole
periods, or where it is quiet (NetEq's Accelerate). In noise it finds none, and keeps for good what
once had to wait.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.rtp.codecs import encoder
from bridge.sdp import PCMU

Floats = NDArray[np.float64]

EVERY = 35  # frames of 20 ms from chirp to chirp; the longest delay that can be told is a bit less
LONGEST = EVERY * 0.02 - 0.05  # s
_FRAMES = EVERY * 10  # of the sound, which is repeated
_SECONDS = 0.06  # of a chirp
_LOW, _HIGH = 400.0, 3000.0  # Hz: what a telephone carries
_ALIKE = 0.5  # normalised correlation


def chirp(rate: int) -> Floats:
    at = np.arange(round(_SECONDS * rate)) / rate
    sweep = _LOW * at + (_HIGH - _LOW) * at**2 / (2 * _SECONDS)
    window = np.hanning(len(at))
    return np.asarray(np.sin(2 * np.pi * sweep) * window, dtype=np.float64)


def frames(rate: int) -> list[bytes]:
    """20 ms of 16 bit PCM each; a chirp begins with each EVERY-th."""
    size = rate // 50
    sound = _hum(_FRAMES * size, rate)
    one = chirp(rate) * 12_000
    for begin in range(0, len(sound), EVERY * size):
        sound[begin : begin + len(one)] += one
    pcm = sound.clip(-32768, 32767).astype("<i2").tobytes()
    return [pcm[at : at + size * 2] for at in range(0, len(pcm), size * 2)]


def _hum(samples: int, rate: int) -> Floats:
    """A pitch of 105 to 135 Hz with its harmonics, louder and softer three times a second."""
    at = np.arange(samples) / rate
    pitch = 120.0 + 15.0 * np.sin(2 * np.pi * 0.9 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    harmonics = np.sum([np.sin(k * phase) / k for k in range(1, 13)], axis=0)
    return np.asarray(harmonics * (600 + 400 * np.sin(2 * np.pi * 3 * at)), dtype=np.float64)


def payloads() -> list[bytes]:
    """The same for a phone: PCMU."""
    encode = encoder(PCMU).encode
    return [encode(pcm) for pcm in frames(8000)]


def moments(heard: Sequence[tuple[float, bytes]], rate: int) -> list[float]:
    """When each chirp was heard, in frames (when it came, its PCM). A sound counts from when its
    frame came: the frame's own length is in no delay."""
    if not heard:
        return []
    sound = np.frombuffer(b"".join(pcm for _, pcm in heard), dtype="<i2").astype(np.float64)
    begins = np.cumsum([0, *(len(pcm) // 2 for _, pcm in heard)])
    times = []
    for at in _positions(sound, chirp(rate)):
        frame = int(np.searchsorted(begins, at, "right")) - 1
        times.append(heard[frame][0] + (at - int(begins[frame])) / rate)
    return times


def delays(sent: Sequence[float], heard: Sequence[float], since: float) -> list[float]:
    """Milliseconds from each moment to the first one after it, both in order; what was sent before
    `since`, lost, or not waited for is left out."""
    found = []
    for moment in sent:
        index = bisect.bisect_left(heard, moment)
        if moment >= since and index < len(heard) and heard[index] - moment < LONGEST:
            found.append((heard[index] - moment) * 1000)
    return found


def _positions(sound: Floats, template: Floats) -> list[int]:
    if len(sound) < 2 * len(template):
        return []
    size = 1 << (len(sound) + len(template)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(template, size))
    match = np.fft.irfft(spectrum, size)[: len(sound) - len(template)]
    energy = np.cumsum(np.concatenate([[0.0], sound**2]))
    window = energy[len(template) :][: len(match)] - energy[: len(match)]
    alike = match / (np.linalg.norm(template) * np.sqrt(np.maximum(window, 1.0)))
    found = []
    while alike[best := int(np.argmax(alike))] > _ALIKE:
        found.append(best)
        alike[max(0, best - len(template)) : best + len(template)] = 0
    return sorted(found)
