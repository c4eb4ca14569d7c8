"""What was said, told by ear: whole sentences in a known voice, recognised by nothing but sound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sandbox.caller.hearing import SAMPLE_RATE, Hearing, NotHeard
from sandbox.providers.ears import Heard, Phrase, plain
from sandbox.providers.hearing import Listener
from sandbox.providers.mouth import ASSISTANT_VOICE, CALLER_VOICE, Samples, render
from sandbox.providers.scenario import DEMO, load
from sandbox.providers.spectrum import HOP_SECONDS, STEP_SECONDS, Floats, cepstra, trim
from sandbox.providers.warping import warp

# Standard deviations per step of the warping path. Over WebRTC and Opus the right sentence costs
# at most 0.8 and the nearest other one at least 1.3.
_CLEAR_COST = 1.1
_CLEAR_LEAD = 0.3
_SHORTEST_FRAMES = int(0.15 / STEP_SECONDS)


@dataclass(frozen=True, slots=True)
class Match:
    text: str
    cost: float
    runner_up: str
    lead: float  # how much more the runner-up costs

    @property
    def is_clear(self) -> bool:
        return self.cost <= _CLEAR_COST and self.lead >= _CLEAR_LEAD


class VoiceEar:
    """Knows one voice and a list of sentences, and says which of them a clip is most like."""

    def __init__(self, voice: str, sentences: Iterable[str] = ()) -> None:
        self._voice = voice
        self._known: dict[str, list[Floats]] = {}
        self.learn(*sentences)

    def learn(self, *sentences: str) -> None:
        for text in sentences:
            if text and text not in self._known:
                spoken = trim(render(text, self._voice, SAMPLE_RATE), SAMPLE_RATE)
                # Both phases of the 20 ms grid: half a step of shift alone costs 0.6.
                shifted = spoken[int(SAMPLE_RATE * HOP_SECONDS) :]
                self._known[text] = [cepstra(clip, SAMPLE_RATE) for clip in (spoken, shifted)]

    def compare(self, samples: Samples, rate: int = SAMPLE_RATE) -> Match | None:
        """The nearest sentence, clear or not. None for a clip without speech."""
        clip = cepstra(trim(samples, rate), rate)
        if len(clip) < _SHORTEST_FRAMES:
            return None
        costs = {
            text: float(warp(clip, references).whole.min())
            for text, references in self._known.items()
        }
        (best, cost), (second, next_cost) = sorted(costs.items(), key=lambda item: item[1])[:2]
        return Match(best, cost, second, next_cost - cost)

    def recognise(self, samples: Samples, rate: int = SAMPLE_RATE) -> str | None:
        match = self.compare(samples, rate)
        return match.text if match and match.is_clear else None


def atlas_ear() -> VoiceEar:
    """Everything that Atlas may say in the demo's scenario, so that a wrong answer is named."""
    scenario = load(DEMO)
    after = [use.call.after for use in scenario.exchanges if use.call]
    failed = [use.call.after_failure for use in scenario.exchanges if use.call]
    answers = [exchange.say for exchange in scenario.exchanges]
    general = [scenario.opening, scenario.default, scenario.unprompted]
    # A template with a gap is never spoken as it stands, and too near to what is spoken of it.
    sayable = [text for text in (*answers, *after, *failed, *general) if text and "{" not in text]
    return VoiceEar(ASSISTANT_VOICE, sayable)


def caller_ear() -> VoiceEar:
    return VoiceEar(CALLER_VOICE, [text for e in load(DEMO).exchanges for text in e.heard])


async def hear_out(
    hearing: Hearing, ear: VoiceEar, since: float, *, timeout: float = 15.0
) -> Match | None:
    """Listen from `since` until one known sentence is complete; a pause in it is no end.

    None when nothing was said; a match that is not clear when it was something else.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    match: Match | None = None
    try:
        await hearing.wait_until_heard(0.15, since=since, timeout=timeout)
        while True:
            await hearing.wait_for_quiet(0.8, timeout=max(deadline - loop.time(), 0.1) + 10.0)
            match = await asyncio.to_thread(ear.compare, hearing.pcm(since))
            if match and match.is_clear:
                return match
            # A pause inside the answer, on a machine that is out of breath?
            heard = hearing.loud_seconds(since)
            patience = min(2.0, deadline - loop.time())
            await hearing.wait_until_heard(heard + 0.05, since=since, timeout=patience)
    except NotHeard:
        return match


class _TwoVoices:
    """As `Listener` wants its ears: each sentence with the one who said it."""

    def __init__(self, ears: dict[str, VoiceEar]) -> None:
        self._ears = ears

    def recognise(self, samples: Samples, rate: int, _language: str) -> Heard | None:
        matches = [(who, ear.compare(samples, rate)) for who, ear in self._ears.items()]
        clear = [(who, match) for who, match in matches if match and match.is_clear]
        if not clear:
            return None
        who, match = min(clear, key=lambda found: found[1].cost)
        return Heard(Phrase(match.text, who), confidence=max(0.0, 1.0 - match.cost / 4))


@dataclass(frozen=True, slots=True)
class Line:
    speaker: str  # "caller" or "assistant", as in the transcript
    text: str

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Line):
            return NotImplemented
        return (self.speaker, plain(self.text)) == (other.speaker, plain(other.text))

    def __hash__(self) -> int:
        return hash((self.speaker, plain(self.text)))


async def lines_in(samples: Samples, rate: int, atlas: VoiceEar, caller: VoiceEar) -> list[Line]:
    """Who said what in a recording of both, in order. What is not understood is left out."""
    ears = _TwoVoices({"assistant": atlas, "caller": caller})
    listener = Listener(ears, rate, endpointing=0.1, interim=False)  # type: ignore[arg-type]
    step = rate // 50
    # Some quiet at the end, so that the last sentence is over.
    samples = np.concatenate((samples, np.zeros(rate, dtype=np.int16)))
    heard = []
    for at in range(0, samples.size, step):
        heard += [event async for event in listener.hear(samples[at : at + step])]
    return [Line(e.language, e.text) for e in heard if getattr(e, "text", "")]
