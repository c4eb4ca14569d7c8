"""Sound on its way to a recogniser, with the time at which it was said."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from livekit import rtc

SAMPLE_RATE = 16_000
FRAME_MS = 50
# Of 32767; louder than a codec's idle noise and a quiet room, softer than anybody's speech.
_QUIET = 300
# Sound that comes later than its predecessor's end by more than this left a gap, seconds.
_GAP = 0.3


@dataclass(frozen=True)
class Piece:
    """Some milliseconds of one human. `at`: when they began, seconds since the epoch."""

    frame: rtc.AudioFrame
    at: float

    @property
    def seconds(self) -> float:
        return self.frame.samples_per_channel / self.frame.sample_rate

    @property
    def ends(self) -> float:
        return self.at + self.seconds

    @cached_property
    def is_quiet(self) -> bool:
        samples = np.frombuffer(self.frame.data, dtype=np.int16)
        # int32: the absolute value of -32768 does not fit in 16 bits.
        return not samples.size or int(np.abs(samples.astype(np.int32)).max()) < _QUIET


class AudioClock:
    """From a place in the sound that a recogniser was given to the time at which it was said.

    The sound may have gaps, and come faster than it was said when it is given a second time.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        """How much sound there was so far."""
        self._places: list[float] = []
        self._times: list[float] = []

    def push(self, piece: Piece) -> None:
        if not self._places or abs(self.time_of(self.seconds) - piece.at) > _GAP:
            self._places.append(self.seconds)
            self._times.append(piece.at)
        self.seconds += piece.seconds

    def time_of(self, place: float) -> float:
        """Seconds since the epoch. Raises IndexError before there was any sound."""
        index = max(bisect.bisect_right(self._places, place) - 1, 0)
        return self._times[index] + place - self._places[index]
