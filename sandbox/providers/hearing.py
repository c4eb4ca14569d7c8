"""Listening to a live stream: when an utterance is over, and what it was.

Rule: after `endpointing` seconds of quiet the utterance is final if it is a listed phrase; if it is
not, or a longer listed phrase begins with it, it may be a pause inside a sentence, and the rule
waits until `patience` seconds of quiet. Times are audio time, so a burst of audio is heard alike.
Second ears, if there are any, are asked late in that patience, and only about what would be empty.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sandbox.providers.ears import Ears, Heard
from sandbox.providers.endpointing import LONGEST_SECONDS, Endpointer
from sandbox.providers.mouth import Samples
from sandbox.providers.spectrum import QUIETEST_DB

T = TypeVar("T")

PATIENCE_SECONDS = 0.55
ENDPOINTING_SECONDS = 0.1  # less would end at the closure of a "t": real engines know words
_STARTED_AFTER_SECONDS = 0.1  # of voice
_INTERIM_EVERY_SECONDS = 0.5
_SECOND_EARS_AFTER_SECONDS = 0.3  # of quiet: they take some 0.2 s, and patience ends at 0.55
_SECOND_EARS_FROM_SECONDS = 0.4  # of voice: less fits a short sentence too easily
_JUDGED_AFTER_SECONDS = 0.05  # of quiet: before the endpointing is over, after most consonants

# Recognition is 10 ms of numpy; two threads keep it off the event loop without crowding it.
POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ears")


@dataclass(frozen=True, slots=True)
class Started:
    at: float


@dataclass(frozen=True, slots=True)
class Interim:
    text: str
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """A finished utterance; text "" = speech that is no listed phrase, or noise."""

    text: str
    confidence: float
    language: str
    start: float
    duration: float
    audio_end_at: float  # wall clock: when its last voiced audio arrived
    hearing: str = ""  # which ears understood it


Event = Started | Interim | Utterance


@dataclass(slots=True)
class _Current:
    """What is known of the utterance that is being spoken."""

    announced: bool = False
    audio_end_at: float = 0.0
    judged_revision: int = 0
    verdict: asyncio.Future[Heard | None] | None = None
    second_revision: int = 0
    second: asyncio.Task[Heard | None] | None = None
    guess: asyncio.Future[str] | None = None
    next_guess: float = _INTERIM_EVERY_SECONDS
    last_guess: str = ""


class Listener:
    """One live stream. `hear` and `finish` are called from one task, in order."""

    def __init__(
        self,
        ears: Ears,
        rate: int,
        language: str = "",
        *,
        endpointing: float | None = ENDPOINTING_SECONDS,
        patience: float = PATIENCE_SECONDS,
        interim: bool = True,
        quietest: float = QUIETEST_DB,
    ) -> None:
        """`endpointing`: seconds of quiet, at least 0.1; None = only `finish` ends an utterance.

        `patience`: seconds of quiet that end any utterance, listed phrase or not.
        """
        self._ears, self._rate, self._language = ears, rate, language
        self._second = getattr(ears, "second", None)  # ears of other makes have none
        self._endpointing = None if endpointing is None else max(endpointing, ENDPOINTING_SECONDS)
        self._patience, self._interim = patience, interim
        self._endpointer = Endpointer(rate, quietest)
        self._now = _Current()

    @property
    def elapsed(self) -> float:
        return self._endpointer.elapsed

    async def hear(self, samples: Samples) -> AsyncIterator[Event]:
        """Take the next mono samples and yield what follows from them."""
        followed = self._endpointer
        if followed.feed(samples):
            self._now.audio_end_at = time.time()
        if not followed.speaking:
            return
        if not self._now.announced and followed.voiced >= _STARTED_AFTER_SECONDS:
            self._now.announced = True
            yield Started(followed.started)
        if followed.quiet > _JUDGED_AFTER_SECONDS - 1e-6:
            self._judge()
            self._perhaps_ask_second_ears()
        elif followed.quiet == 0.0 and self._interim and (interim := self._guessed()):
            yield interim
        if await self._is_over():
            yield await self._conclude()

    async def finish(self) -> AsyncIterator[Event]:
        """End the utterance now: the client said that no more will come."""
        if self._endpointer.speaking:
            self._judge()
            yield await self._conclude()

    def _judge(self) -> None:
        """Recognise what there is so far, early in the quiet, so that the answer is ready."""
        if self._now.judged_revision != self._endpointer.revision:
            self._now.judged_revision = self._endpointer.revision
            self._now.verdict = self._in_pool(self._ears.recognise)

    def _perhaps_ask_second_ears(self) -> None:
        verdict = self._now.verdict
        if (
            self._endpointer.quiet > _SECOND_EARS_AFTER_SECONDS - 1e-6
            and verdict is not None
            and verdict.done()
            and verdict.result() is None
        ):
            self._ask_second_ears()

    def _ask_second_ears(self) -> None:
        followed = self._endpointer
        if self._second is None or followed.voiced < _SECOND_EARS_FROM_SECONDS - 1e-6:
            return
        if self._now.second_revision != followed.revision:
            self._now.second_revision = followed.revision
            self._now.second = self._second.ask(followed.utterance, self._rate, self._language)

    async def _is_over(self) -> bool:
        followed = self._endpointer
        if followed.seconds > LONGEST_SECONDS:
            self._judge()
            return True
        if self._endpointing is None or followed.quiet < self._endpointing - 1e-6:
            return False
        if followed.quiet >= max(self._patience, self._endpointing) - 1e-6:
            return True
        heard = await self._now.verdict if self._now.verdict else None
        return heard is not None and not heard.unfinished

    async def _conclude(self) -> Utterance:
        heard = await self._now.verdict if self._now.verdict else None
        if heard is None:
            self._ask_second_ears()
            heard = await self._now.second if self._now.second else None
        followed = self._endpointer
        utterance = Utterance(
            text=heard.phrase.text if heard else "",
            confidence=heard.confidence if heard else 0.0,
            language=heard.phrase.language if heard else "",
            start=followed.started,
            duration=max(followed.seconds - followed.quiet, 0.0),
            audio_end_at=self._now.audio_end_at,
            hearing=heard.hearing if heard else "",
        )
        followed.reset()
        self._now = _Current()
        return utterance

    def _guessed(self) -> Interim | None:
        followed = self._endpointer
        if self._now.guess is not None and self._now.guess.done():
            text, self._now.guess = self._now.guess.result(), None
            if text and text != self._now.last_guess:
                self._now.last_guess = text
                return Interim(text, followed.started, followed.seconds)
        if self._now.guess is None and followed.seconds >= self._now.next_guess:
            self._now.next_guess = followed.seconds + _INTERIM_EVERY_SECONDS
            self._now.guess = self._in_pool(self._ears.guess)
        return None

    def _in_pool(self, work: Callable[[Samples, int, str], T]) -> asyncio.Future[T]:
        call = partial(work, self._endpointer.utterance, self._rate, self._language)
        return asyncio.get_running_loop().run_in_executor(POOL, call)


async def transcribe(ears: Ears, samples: Samples, rate: int, language: str) -> list[Utterance]:
    """Understand a whole clip: its utterances in order, those not understood left out."""
    listener = Listener(ears, rate, language, endpointing=PATIENCE_SECONDS, interim=False)
    step = max(rate // 50, 1)
    events = []
    for at in range(0, samples.size, step):
        events += [event async for event in listener.hear(samples[at : at + step])]
    events += [event async for event in listener.finish()]
    return [event for event in events if isinstance(event, Utterance) and event.text]
