"""A provider that takes whole clips: Groq's Whisper. A voice detector cuts the sound for it.

livekit's StreamAdapter does the same, but tells no times, waits half a minute for an answer, drops
what a sentence has beyond a minute, and the sentence that was being said when the input ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, stt, vad

from agents.media_bot.transcription.audio import SAMPLE_RATE, AudioClock, Piece
from agents.media_bot.transcription.sessions import CONNECT_SECONDS, Heard, failure

ENDS_AFTER = 0.55
"""Seconds of silence after which a sentence is over."""

_ANSWER_SECONDS = 8.0
_LEAD = 16  # windows of 32 ms before the first that the detector takes for speech
# A longer clip is cut at the next pause, at last anywhere: Whisper hears 30 s at once.
_CUT_FROM, _CUT_AT = 22.0, 28.0


class SegmentSession:
    def __init__(
        self, plugin: stt.STT[Any], detector: vad.VAD, *, answer_seconds: float = _ANSWER_SECONDS
    ) -> None:
        self._plugin = plugin
        self._detected = detector.stream()
        self._answer_seconds = answer_seconds
        self._clock = AudioClock()
        self._lead: deque[rtc.AudioFrame] = deque(maxlen=_LEAD)
        self._clip: list[rtc.AudioFrame] | None = None
        self._clip_start = 0.0
        self._is_finished = False
        self._asked_for = 0.0

    @property
    def seconds(self) -> float:
        return self._asked_for

    @property
    def is_in_a_sentence(self) -> bool:
        return self._clip is not None

    def push(self, piece: Piece) -> None:
        if not self._is_finished:
            self._clock.push(piece)
            self._detected.push_frame(piece.frame)

    def finish(self) -> None:
        if not self._is_finished:
            silence = int((ENDS_AFTER + 0.25) * SAMPLE_RATE)
            self._detected.push_frame(rtc.AudioFrame.create(SAMPLE_RATE, 1, silence))
            self._detected.end_input()
        self._is_finished = True

    async def sentences(self) -> AsyncIterator[Heard]:
        async for event in self._detected:
            match event.type:
                case vad.VADEventType.INFERENCE_DONE:
                    clip, end = self._grow(event), event.timestamp
                case vad.VADEventType.START_OF_SPEECH:
                    clip, end = None, 0.0
                    self._clip, self._clip_start = (
                        list(self._lead),
                        max(event.timestamp - event.speech_duration, 0.0),
                    )
                case _:
                    clip, end = self._clip, event.timestamp - event.silence_duration
                    self._clip = None
            if clip:
                start = self._clip_start
                self._clip_start = end
                text = await self._ask(clip)
                if text:
                    yield Heard(text, self._clock.time_of(start), self._clock.time_of(end))

    async def aclose(self) -> None:
        await self._detected.aclose()

    def _grow(self, event: vad.VADEvent) -> list[rtc.AudioFrame] | None:
        """A clip that is long enough, while the speech goes on."""
        self._lead.extend(event.frames)
        if self._clip is None:
            return None
        self._clip += event.frames
        long = event.timestamp - self._clip_start
        if long < _CUT_FROM or (event.probability > 0.5 and long < _CUT_AT):
            return None
        clip, self._clip = self._clip, []
        return clip

    async def _ask(self, clip: list[rtc.AudioFrame]) -> str:
        sound = rtc.combine_audio_frames(clip)
        self._asked_for += sound.duration
        options = APIConnectOptions(max_retry=0, timeout=CONNECT_SECONDS)
        try:
            async with asyncio.timeout(self._answer_seconds):
                answer = await self._plugin.recognize(sound, conn_options=options)
        except Exception as error:
            raise failure(error) from error
        return answer.alternatives[0].text.strip() if answer.alternatives else ""
