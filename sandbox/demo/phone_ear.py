"""What the assistant said, recognised by its sound in what the phone heard."""

from __future__ import annotations

import io
import wave

import numpy as np

from sandbox.providers.ears import Ears, Phrase
from sandbox.providers.hearing import Listener
from sandbox.providers.mouth import ASSISTANT_VOICE, Samples
from sandbox.providers.scenario import DEMO, load

_FRAMES_A_SECOND = 50


async def words_in(wav: bytes, opening: str) -> list[str]:
    """Whole sentences, in order; what is none of the assistant's is left out."""
    samples, rate = _read(wav)
    listener = Listener(_ears(opening), rate, endpointing=0.1, interim=False)
    quiet = np.zeros(rate, dtype=np.int16)  # so that the last sentence is over
    whole = np.concatenate((samples, quiet))
    step = rate // _FRAMES_A_SECOND
    heard = []
    for at in range(0, whole.size, step):
        heard += [event async for event in listener.hear(whole[at : at + step])]
    return [text for event in heard if (text := getattr(event, "text", ""))]


def _ears(opening: str) -> Ears:
    scenario = load(DEMO)
    lines = [opening, scenario.default, scenario.unprompted]
    for exchange in scenario.exchanges:
        lines += [exchange.say, exchange.call.after if exchange.call else ""]
    # A template with a gap is never spoken as it stands.
    ears = Ears((ASSISTANT_VOICE,))
    ears.learn(Phrase(line) for line in lines if line and "{" not in line)
    return ears


def _read(wav: bytes) -> tuple[Samples, int]:
    if not wav:
        return np.zeros(0, dtype=np.int16), 8000
    with wave.open(io.BytesIO(wav)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
        return samples, file.getframerate()
