"""What the tests say to the stand-ins, and how it is sent through the real plugins."""

from __future__ import annotations

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, stt

from sandbox.providers.mouth import CALLER_VOICE, Samples, render

ONCE = APIConnectOptions(max_retry=0, timeout=15.0)
HOURS = "What are your opening hours?"
DOG = "Can I bring my dog?"
TABLE = "I would like to book a table for four on Friday evening."
UNLISTED = "The weather is lovely this morning."


def quiet(seconds: float, rate: int = 16_000) -> Samples:
    return np.zeros(int(seconds * rate), dtype=np.int16)


def spoken(
    *sentences: str, rate: int = 16_000, pause: float = 0.8, voice: str = CALLER_VOICE
) -> Samples:
    """The sentences one after the other, with pauses between, before and after."""
    parts = [quiet(0.3, rate)]
    for sentence in sentences:
        parts += [render(sentence, voice, rate), quiet(pause, rate)]
    return np.concatenate(parts)


def frames(samples: Samples, rate: int = 16_000) -> list[rtc.AudioFrame]:
    step = rate // 50
    return [
        rtc.AudioFrame(piece.tobytes(), rate, 1, piece.size)
        for piece in (samples[at : at + step] for at in range(0, samples.size, step))
    ]


async def hear(
    plugin: stt.STT, samples: Samples, *, flush: bool = False, turns: int
) -> list[stt.SpeechEvent]:
    """Send the clip as fast as it goes; the events up to the `turns`-th final text.

    Not to the end of the stream: the Deepgram plugin takes 5 s to notice its own end.
    """
    seen: list[stt.SpeechEvent] = []
    stream = plugin.stream(conn_options=ONCE)
    try:
        for frame in frames(samples):
            stream.push_frame(frame)
        if flush:
            stream.flush()
        async for event in stream:
            seen.append(event)
            if len(finals(seen)) >= turns:
                break
    finally:
        await stream.aclose()
    return seen


def finals(seen: list[stt.SpeechEvent]) -> list[str]:
    return [
        event.alternatives[0].text
        for event in seen
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
    ]
