"""The file: Opus in OGG, 48 kHz stereo at 128 kbit/s, as Egress writes it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sandbox.recorder.mixer import OPUS_FRAME, RATE, Samples


class OggFile:
    """Takes mono samples and writes both channels alike; `close` completes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = av.open(str(path), "w", format="ogg")
        self._stream = self._container.add_stream("libopus", rate=RATE, layout="stereo")
        self._stream.codec_context.format = av.AudioFormat("s16")
        self._stream.bit_rate = 128_000
        self._pending: Samples = np.zeros(0, dtype=np.int16)
        self._written = 0
        self._closed = False

    @property
    def samples_written(self) -> int:
        return self._written

    def write(self, samples: Samples) -> None:
        pending = np.concatenate((self._pending, samples))
        whole = len(pending) // OPUS_FRAME * OPUS_FRAME
        for start in range(0, whole, OPUS_FRAME):
            self._encode(pending[start : start + OPUS_FRAME])
        self._pending = pending[whole:]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()

    def _encode(self, mono: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(
            np.repeat(mono, 2).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = self._written
        self._written += len(mono)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
