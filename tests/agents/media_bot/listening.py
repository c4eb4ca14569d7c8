"""Speech without words, and a recogniser that tells from when to when somebody spoke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
from livekit import rtc

from agents.media_bot.transcription.audio import SAMPLE_RATE, Piece
from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.sessions import Heard, SessionFailed

STEP = 0.05
_SAMPLES = int(SAMPLE_RATE * STEP)


def piece(at: float, loud: bool) -> Piece:
    samples = np.full(_SAMPLES, 5000 if loud else 0, dtype=np.int16)
    return Piece(rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, _SAMPLES), at)


class Talk:
    """Somebody's microphone, which starts at second 0 of the call."""

    def __init__(self, hear: Callable[[Piece], None]) -> None:
        self._hear = hear
        self._steps = 0

    async def speak(self, seconds: float) -> None:
        await self._sound(seconds, loud=True)

    async def be_quiet(self, seconds: float) -> None:
        await self._sound(seconds, loud=False)

    async def _sound(self, seconds: float, *, loud: bool) -> None:
        for _ in range(round(seconds / STEP)):
            await asyncio.sleep(STEP)
            self._hear(piece(self._steps * STEP, loud))
            self._steps += 1


class Recogniser:
    """A session whose sentences are "<from>-<to>", in seconds of the call."""

    def __init__(self, *, pause: float = 0.6, answers_after: float = 0.0) -> None:
        self._pause = pause
        self._answers_after = answers_after
        self._results: asyncio.Queue[Heard | SessionFailed | None] = asyncio.Queue()
        self._loud: list[Piece] = []
        self._quiet = 0.0
        self.seconds = 0.0
        self.is_finished = False
        self.is_closed = False

    @property
    def is_in_a_sentence(self) -> bool:
        return bool(self._loud)

    def push(self, piece: Piece) -> None:
        assert not self.is_closed
        self.seconds += piece.seconds
        if not piece.is_quiet:
            self._loud.append(piece)
            self._quiet = 0.0
        elif self._loud:
            self._quiet += piece.seconds
            if self._quiet >= self._pause:
                self._conclude()

    def finish(self) -> None:
        self._conclude()
        self.is_finished = True
        self._results.put_nowait(None)

    def fail(self, why: str = "it was told to", *, retryable: bool = True) -> None:
        self._results.put_nowait(SessionFailed(why, retryable=retryable))

    async def sentences(self) -> AsyncIterator[Heard]:
        while (result := await self._results.get()) is not None:
            if isinstance(result, SessionFailed):
                raise result
            await asyncio.sleep(self._answers_after)
            yield result

    async def aclose(self) -> None:
        self.is_closed = True

    def _conclude(self) -> None:
        if self._loud:
            start, end = self._loud[0].at, self._loud[-1].ends
            self._results.put_nowait(Heard(f"{start:.1f}-{end:.1f}", start, end))
            self._loud.clear()


class Recognisers:
    """Opens sessions; those of providers that are `broken` fail as soon as they are opened."""

    def __init__(self) -> None:
        self.opened: list[tuple[Provider, str, Recogniser]] = []
        self.broken: set[Provider] = set()
        self.answers_after = 0.0
        """Seconds, of those that are opened from now on."""

    def open(self, provider: Provider, language: str) -> Recogniser:
        session = Recogniser(answers_after=self.answers_after)
        self.opened.append((provider, language, session))
        if provider in self.broken:
            session.fail()
        return session

    @property
    def current(self) -> Recogniser:
        return self.opened[-1][2]

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(provider.value, language) for provider, language, _ in self.opened]
