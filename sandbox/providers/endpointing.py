"""Where speech starts and stops in a stream of audio, by level alone. No clock, no I/O."""

from __future__ import annotations

from collections import deque

import numpy as np

from sandbox.providers.mouth import Samples
from sandbox.providers.spectrum import HOP_SECONDS, QUIETEST_DB, SPEECH_RANGE_DB, levels

_ABOVE_NOISE_DB = 9.0
_NOISE_MEMORY = 300  # frames: steady noise stops counting as speech after 3 s
_ONSET_FRAMES = 3  # shorter is a click
_LEAD_SECONDS = 0.2  # kept from before the onset: soft first sounds
LONGEST_SECONDS = 20.0


class Endpointer:
    """Follows one mono stream. All times are seconds since its start."""

    def __init__(self, rate: int, quietest: float = QUIETEST_DB) -> None:
        """`quietest`: dB of full scale, below which nothing is speech."""
        self.rate, self._quietest = rate, quietest
        self.elapsed = 0.0
        self.reset()
        self._pending = np.zeros(0, dtype=np.int16)
        self._lead = np.zeros(0, dtype=np.int16)
        self._recent: deque[float] = deque(maxlen=_NOISE_MEMORY)

    def reset(self) -> None:
        """Forget the utterance, because it was answered or given up."""
        self.speaking = False
        self.started = 0.0
        self.voiced = 0.0  # seconds of speech in this utterance, pauses not counted
        self.quiet = 0.0  # since the last voiced frame
        self.revision = 0  # grows with each voiced frame: tells whether speech went on
        self._peak = -120.0
        self._onset = 0
        self._pieces: list[Samples] = []

    @property
    def utterance(self) -> Samples:
        """What was said since the onset, with 0.2 s before it and the quiet after it."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, dtype=np.int16)

    @property
    def seconds(self) -> float:
        """Length of the utterance from its onset, quiet at the end included."""
        return self.elapsed - self.started if self.speaking else 0.0

    def feed(self, samples: Samples) -> bool:
        """Take the next samples. True when they hold speech of an utterance."""
        samples = np.concatenate((self._pending, samples))
        level = levels(samples, self.rate)
        hop = int(self.rate * HOP_SECONDS)
        self._pending = samples[level.size * hop :]
        spoke = False
        for index, frame_level in enumerate(level.tolist()):
            self._keep(samples[index * hop : (index + 1) * hop])
            self.elapsed += HOP_SECONDS
            spoke = self._follow(frame_level) or spoke
        return spoke

    def _follow(self, level: float) -> bool:
        self._recent.append(level)
        threshold = max(self._quietest, min(self._recent) + _ABOVE_NOISE_DB)
        if self.speaking:
            threshold = max(threshold, self._peak - SPEECH_RANGE_DB)
        if level < threshold:
            self._onset = 0
            self.quiet += HOP_SECONDS
            return False
        self._peak = max(self._peak, level) if self.speaking else level
        self._onset += 1
        if not self.speaking and self._onset >= _ONSET_FRAMES:
            self.speaking = True
            self.started = max(0.0, self.elapsed - self._onset * HOP_SECONDS)
            self._pieces = [self._lead]
        if not self.speaking:
            return False
        self.quiet = 0.0
        self.voiced += HOP_SECONDS
        self.revision += 1
        return True

    def _keep(self, frame: Samples) -> None:
        if self.speaking:
            self._pieces.append(frame)
        else:
            self._lead = np.concatenate((self._lead, frame))[-int(self.rate * _LEAD_SECONDS) :]
