"""Mixing on one clock, without I/O: audio goes in as it arrives, one gapless track comes out.

Each voice has a cursor on the timeline. Frames go where the cursor stands, not where the moment of
their arrival is, so that a stalled event loop, which delivers half a second at once, leaves no hole
and no pile. The clock only corrects a cursor that has proved to be wrong.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
OPUS_FRAME = 960  # 20 ms
_DELAY = 0.2  # what is younger is not drained yet: s
_PATIENCE = 3.0  # how long a voice that fell silent at the SDK holds up the others: s
_WINDOW = 5 * RATE
_AHEAD = RATE * 60 // 1000  # beyond this a voice's first frame was late: drop until time caught up
_BEHIND = RATE * 60 // 1000  # a voice later than this throughout a period has lost frames
_PERIOD = RATE // 2

Samples = NDArray[np.int16]


@dataclass(slots=True)
class _Voice:
    cursor: int
    period_began: int
    least_lag: int | None = None


class Timeline:
    """Times are seconds since the recording's origin; a voice is one subscribed track."""

    def __init__(self) -> None:
        self._voices: dict[Hashable, _Voice] = {}
        self._sum = np.zeros(_WINDOW, dtype=np.int32)
        self._base = 0  # samples drained so far = the position of _sum[0]

    @property
    def drained(self) -> int:
        return self._base

    def place(self, key: Hashable, samples: Samples, now: float) -> None:
        arrived = int(now * RATE) - len(samples)
        voice = self._voices.get(key)
        if voice is None or voice.cursor < self._base:
            voice = self._voices[key] = _Voice(max(arrived, self._base), arrived)
        lag = arrived - voice.cursor
        if lag < -_AHEAD:
            return
        self._correct(voice, arrived, lag)
        self._add(voice.cursor, samples)
        voice.cursor += len(samples)

    def remove(self, key: Hashable) -> None:
        self._voices.pop(key, None)

    def drain(self, now: float) -> Samples:
        """What is complete: nobody will add to it any more."""
        until = int((now - _DELAY) * RATE)
        slowest = min((voice.cursor for voice in self._voices.values()), default=until)
        return self._take(min(until, max(slowest, int((now - _PATIENCE) * RATE))))

    def finish(self, now: float) -> Samples:
        """The rest up to `now`, to whole Opus frames."""
        return self._take(int(now * RATE) // OPUS_FRAME * OPUS_FRAME)

    def _correct(self, voice: _Voice, arrived: int, lag: int) -> None:
        # Half a second of the clock, not of audio: in a burst after a stall every frame but the
        # last is late, and that is no reason to move the voice.
        voice.least_lag = lag if voice.least_lag is None else min(voice.least_lag, lag)
        if arrived - voice.period_began < _PERIOD:
            return
        if voice.least_lag > _BEHIND:
            voice.cursor += voice.least_lag
        voice.period_began, voice.least_lag = arrived, None

    def _add(self, position: int, samples: Samples) -> None:
        start = position - self._base
        end = min(start + len(samples), _WINDOW)
        if end > start:
            self._sum[start:end] += samples[: end - start]

    def _take(self, until: int) -> Samples:
        blocks: list[Samples] = []
        while until > self._base:
            count = min(until - self._base, _WINDOW)
            blocks.append(np.clip(self._sum[:count], -32768, 32767).astype(np.int16))
            self._sum[:-count] = self._sum[count:]
            self._sum[-count:] = 0
            self._base += count
        return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int16)
