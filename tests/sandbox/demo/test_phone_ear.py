"""What the assistant said, by its sound alone, after a telephone line."""

from __future__ import annotations

import io
import wave

import numpy as np

from bridge.rtp.codecs import decoder, encoder
from bridge.sdp import PCMA
from sandbox.demo.phone_ear import words_in
from sandbox.providers.mouth import ASSISTANT_VOICE, CALLER_VOICE, Samples, render

RATE = 8000
OPENING = "Hello, this is the Blue Door restaurant. How can I help you?"
ANSWER = "We are open from noon until eleven, every day but Monday."


def over_the_line(*clips: Samples) -> bytes:
    pause = np.zeros(RATE, dtype=np.int16)
    spoken = np.concatenate([piece for clip in clips for piece in (clip, pause)])
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(decoder(PCMA).decode(encoder(PCMA).encode(spoken.tobytes())))
    return file.getvalue()


async def test_the_assistants_sentences_are_heard_and_nobody_elses() -> None:
    heard = over_the_line(
        render(OPENING, ASSISTANT_VOICE, RATE),
        render("What are your opening hours?", CALLER_VOICE, RATE),
        render(ANSWER, ASSISTANT_VOICE, RATE),
    )
    assert await words_in(heard, OPENING) == [OPENING, ANSWER]


async def test_a_silent_line_has_no_words() -> None:
    assert await words_in(over_the_line(np.zeros(RATE, dtype=np.int16)), OPENING) == []
    assert await words_in(b"", OPENING) == []
