"""A microphone that never stops: silence between sentences, and a clock that never lags."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from livekit import rtc

from sandbox.caller.hearing import LOUD
from sandbox.providers.mouth import Samples

SAMPLE_RATE = 48_000
_FRAME_SECONDS = 0.02
_FRAME = int(SAMPLE_RATE * _FRAME_SECONDS)
# Sent ahead of its time, so that a stall of this process on a busy machine tears no hole into a
# sentence. All times that `say` returns are those at which the samples really go out.
_LEAD = 0.2


@dataclass(frozen=True, slots=True)
class Spoken:
    """When (time.monotonic) the first and the last voiced sample of a sentence were sent."""

    started_at: float
    ended_at: float


@dataclass(slots=True)
class _Sentence:
    samples: Samples
    sent: asyncio.Future[Spoken]
    position: int = 0
    begun_at: float = 0.0


class Microphone:
    """Feed of one audio source, 20 ms at a time."""

    def __init__(self) -> None:
        self.source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=int(_LEAD * 2000))
        self._sentences: deque[_Sentence] = deque()
        self._feeding: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._feeding = asyncio.create_task(self._feed(), name="microphone")

    async def aclose(self) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.gather(self._feeding, return_exceptions=True)
        for sentence in self._sentences:
            sentence.sent.cancel()
        await self.source.aclose()

    async def say(self, samples: Samples) -> Spoken:
        """Send mono int16 at SAMPLE_RATE in real time; returns when the last of it was sent."""
        if self._feeding is None or self._feeding.done():
            raise RuntimeError("The caller is not in a room (any more), so nobody would hear this.")
        sentence = _Sentence(samples, asyncio.get_running_loop().create_future())
        self._sentences.append(sentence)
        waited_for: set[asyncio.Future[Any]] = {sentence.sent, self._feeding}
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
        if not sentence.sent.done():
            raise RuntimeError("The caller left the room in the middle of a sentence.")
        spoken = await sentence.sent
        await asyncio.sleep(max(0.0, spoken.ended_at - time.monotonic()))
        return spoken

    async def _feed(self) -> None:
        due = time.monotonic()  # when the next frame goes out
        while True:
            await self.source.capture_frame(_frame(self._next(due)))
            due += _FRAME_SECONDS
            ahead = due - time.monotonic()
            if ahead < 0:
                due -= ahead  # the queue ran dry; catching up would leave a delay for good
            await asyncio.sleep(max(0.0, ahead - _LEAD))

    def _next(self, now: float) -> Samples:
        if not self._sentences:
            return np.zeros(_FRAME, dtype=np.int16)
        sentence = self._sentences[0]
        if sentence.position == 0:
            sentence.begun_at = now
        piece = sentence.samples[sentence.position : sentence.position + _FRAME]
        sentence.position += _FRAME
        if sentence.position >= sentence.samples.size:
            self._sentences.popleft()
            if not sentence.sent.done():
                # The clock may have skipped meanwhile, so the end is counted back from now.
                sentence.sent.set_result(_spoken(sentence, ends=now + piece.size / SAMPLE_RATE))
        return np.pad(piece, (0, _FRAME - piece.size))


def _spoken(sentence: _Sentence, ends: float) -> Spoken:
    voiced = np.flatnonzero(np.abs(sentence.samples.astype(np.int32)) >= LOUD)
    if voiced.size == 0:
        return Spoken(sentence.begun_at, ends)
    first, last = int(voiced[0]), int(voiced[-1])
    return Spoken(
        sentence.begun_at + first / SAMPLE_RATE,
        ends - (sentence.samples.size - last) / SAMPLE_RATE,
    )


def _frame(samples: Samples) -> rtc.AudioFrame:
    return rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, samples.size)
