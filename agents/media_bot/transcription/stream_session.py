"""A provider that takes sound as it comes: Deepgram, and ElevenLabs' Scribe in realtime."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from livekit.agents import APIConnectOptions, stt

from agents.media_bot.transcription.audio import AudioClock, Piece
from agents.media_bot.transcription.sessions import (
    CONNECT_SECONDS,
    Heard,
    SessionFailed,
    failure,
)

# A sentence that was begun is either continued (interim results) or over within this, seconds.
_STUCK = 10.0
# After the last sound. Scribe does not say that it has nothing more to say.
_LAST_WORDS = 2.5
_SECONDS_A_WORD = 0.35  # where a provider tells no times
_OURS = stt.SpeechEventType.RECOGNITION_USAGE  # the plugin's own, no sign of its provider


class StreamSession:
    def __init__(
        self, plugin: stt.STT[Any], *, stuck: float = _STUCK, last_words: float = _LAST_WORDS
    ) -> None:
        # Once: who tries again is the passage, which still has the sound of the broken sentence.
        options = APIConnectOptions(max_retry=0, timeout=CONNECT_SECONDS)
        self._stream = plugin.stream(conn_options=options)
        self._stuck, self._last_words = stuck, last_words
        self._clock = AudioClock()
        self._events: asyncio.Queue[stt.SpeechEvent | BaseException | None] = asyncio.Queue()
        self._pump = asyncio.create_task(self._read(), name="stt_events")
        self._is_finished = False
        self._speaking = False
        self._parts: list[stt.SpeechData] = []

    @property
    def seconds(self) -> float:
        return self._clock.seconds

    @property
    def is_in_a_sentence(self) -> bool:
        return self._speaking or bool(self._parts)

    def push(self, piece: Piece) -> None:
        if self._is_finished:
            return
        # A stream that broke takes nothing any more, and says so by its events.
        with contextlib.suppress(RuntimeError):
            self._stream.push_frame(piece.frame)
            self._clock.push(piece)

    def finish(self) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        with contextlib.suppress(RuntimeError):
            self._stream.end_input()
        self._events.put_nowait(stt.SpeechEvent(_OURS))  # wakes whoever waits without a limit

    async def sentences(self) -> AsyncIterator[Heard]:
        loop = asyncio.get_running_loop()
        last_sign = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(self._deadline(last_sign)):
                    event = await self._events.get()
            except TimeoutError:
                event = None if self._is_finished else SessionFailed("it never ended a sentence")
            if event is None or isinstance(event, BaseException):
                if self._parts:
                    yield self._sentence()
                if event is None and self._is_finished:
                    return
                raise failure(event or SessionFailed("it hung up"))
            if event.type is not _OURS or self._is_finished:
                last_sign = loop.time()
            self._follow(event)
            if self._parts and event.type is stt.SpeechEventType.END_OF_SPEECH:
                yield self._sentence()

    async def aclose(self) -> None:
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self._stream.aclose()

    def _deadline(self, last_sign: float) -> float | None:
        if self._is_finished:
            return last_sign + self._last_words
        return last_sign + self._stuck if self.is_in_a_sentence else None

    def _follow(self, event: stt.SpeechEvent) -> None:
        match event.type:
            case stt.SpeechEventType.START_OF_SPEECH | stt.SpeechEventType.INTERIM_TRANSCRIPT:
                self._speaking = True
            case stt.SpeechEventType.END_OF_SPEECH:
                self._speaking = False
            case stt.SpeechEventType.FINAL_TRANSCRIPT:
                self._parts += [part for part in event.alternatives[:1] if part.text.strip()]

    def _sentence(self) -> Heard:
        parts, self._parts = self._parts, []
        text = " ".join(part.text.strip() for part in parts)
        end = parts[-1].end_time or self._clock.seconds
        usual = max(end - _SECONDS_A_WORD * len(text.split()), 0.0)
        start = parts[0].start_time if parts[0].end_time else usual
        return Heard(text, self._clock.time_of(start), self._clock.time_of(end))

    async def _read(self) -> None:
        try:
            async for event in self._stream:
                self._events.put_nowait(event)
            self._events.put_nowait(None)
        except Exception as error:
            self._events.put_nowait(error)
