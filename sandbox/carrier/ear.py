"""What the phone hears: a WAV file, and when there was something to hear."""

from __future__ import annotations

import wave
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.carrier.times import now as wall_clock
from sandbox.carrier.times import written

VOICED = 300.0  # root mean square of 16-bit samples; G.711's noise is below 10
PAUSE = 0.3  # seconds; shorter quiet belongs to what is said around it
_LATE = 0.2  # seconds; a frame that comes later than that comes after a hold or a lost line


class Ear:
    """`hear` each 20 ms, then `close`. The file has the rate of the first frame, and silence where
    no frame came, so that a place in it is a time of the call."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.voiced: list[list[float]] = []
        """[from, to] in seconds since the first frame."""
        self._rate = 0
        self._wave: wave.Wave_write | None = None
        self._written = 0
        self._began = 0.0
        self._began_at: datetime | None = None

    @property
    def seconds(self) -> float:
        return self._written / self._rate if self._rate else 0.0

    def document(self) -> dict[str, Any] | None:
        """For JSON; None when there was nothing, not even silence."""
        if self._began_at is None:
            return None
        return {
            "file": str(self.file),
            "from": written(self._began_at),
            "seconds": round(self.seconds, 3),
            "voiced": self.voiced,
        }

    def hear(self, pcm: bytes, rate: int, now: float) -> None:
        """16 bit, mono. `now` is any clock in seconds."""
        if self._wave is None:
            self._rate, self._began, self._began_at = rate, now, wall_clock()
            self._wave = wave.open(str(self.file), "wb")  # noqa: SIM115
            self._wave.setnchannels(1)
            self._wave.setsampwidth(2)
            self._wave.setframerate(rate)
        samples = np.frombuffer(pcm, dtype="<i2")
        if rate != self._rate:  # the codec changed: drop or repeat samples, the times stay true
            wanted = samples.size * self._rate // rate
            samples = samples[np.arange(wanted) * rate // self._rate]
        missing = int((now - self._began) * self._rate) - self._written
        if missing > _LATE * self._rate:
            self._written += missing
            self._wave.writeframes(bytes(2 * missing))
        began = self.seconds
        self._written += samples.size
        self._wave.writeframes(samples.tobytes())
        if samples.size and float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) > VOICED:
            self._note(began)

    def close(self) -> None:
        if self._wave is not None:
            self._wave.close()

    def _note(self, began: float) -> None:
        if self.voiced and began - self.voiced[-1][1] < PAUSE:
            self.voiced[-1][1] = round(self.seconds, 3)
        else:
            self.voiced.append([round(began, 3), round(self.seconds, 3)])
