"""The stand-ins' hearing: which listed phrase was said, if any.

An utterance is compared with espeak renderings of every listed phrase in every scripted caller's
voice. Figures behind the thresholds: docs/sandbox_providers.md, "How well it hears".
"""

from __future__ import annotations

import asyncio
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.providers.mouth import Samples, render, voices_for
from sandbox.providers.spectrum import HOP_SECONDS, STEP_SECONDS, Floats, cepstra, trim
from sandbox.providers.warping import warp

REFERENCE_RATE = 16_000
SHORTEST_SECONDS = 0.15
_CERTAIN = 1.15  # the right phrase costs <= 0.9, unlisted speech >= 1.36
_PROBABLE = 1.6  # for an interim guess: right openings cost mostly less, unlisted ones >= 1.7
_STRETCH = 1.3  # a scripted voice is never this much slower or faster than its reference


@dataclass(frozen=True, slots=True)
class Phrase:
    text: str
    language: str = "en-US"


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood. `confidence` is 0 to 1, `unfinished` a longer phrase begins like it."""

    phrase: Phrase
    confidence: float
    unfinished: bool = False
    hearing: str = "strict"  # or "lenient": which ears it was


@dataclass(frozen=True, slots=True)
class _Reference:
    phrase: Phrase
    cepstra: Floats


class SecondEars(Protocol):
    """Asked, on the event loop, about speech that `Ears` did not recognise."""

    def ask(self, samples: Samples, rate: int, language: str) -> asyncio.Task[Heard | None]: ...


class Ears:
    """Recognises listed phrases. Thread-safe; `learn` and `recognise` are work for a thread."""

    def __init__(self, voices: Sequence[str] | None = None, *, deaf: bool = False) -> None:
        """`voices`: espeak voices to expect instead of the scripted callers' (any language).

        `deaf`: keep the list, but leave all hearing to `second`.
        """
        self.second: SecondEars | None = None
        self._voices = tuple(voices) if voices else None
        self._deaf = deaf
        self._references: dict[Phrase, list[_Reference]] = {}
        self._lock = threading.Lock()

    @property
    def phrases(self) -> list[Phrase]:
        return list(self._references)

    def learn(self, phrases: Iterable[Phrase]) -> None:
        """Render and remember. Raises UnknownVoice, having learnt nothing, for a foreign tongue."""
        fresh = {p: self._render(p) for p in dict.fromkeys(phrases) if p not in self._references}
        with self._lock:
            self._references = {**self._references, **fresh}

    def forget(self, phrases: Iterable[Phrase]) -> None:
        gone = set(phrases)
        with self._lock:
            self._references = {p: r for p, r in self._references.items() if p not in gone}

    def recognise(self, samples: Samples, rate: int, language: str = "") -> Heard | None:
        """The listed phrase that this mono clip is, or None. `language` "" or "multi": any."""
        utterance = cepstra(trim(samples, rate), rate)
        if len(utterance) * STEP_SECONDS < SHORTEST_SECONDS:
            return None
        references = [
            r
            for r in self._candidates(language)
            if len(r.cepstra) / _STRETCH - 2 <= len(utterance) <= len(r.cepstra) * _STRETCH + 2
        ]
        if not references:
            return None
        costs = warp(utterance, [r.cepstra for r in references]).whole
        best = int(costs.argmin())
        if costs[best] > _CERTAIN:
            return None
        phrase = references[best].phrase
        confidence = 1.0 - 0.3 * float(costs[best]) / _CERTAIN
        return Heard(phrase, confidence, self._begins_another(phrase))

    def guess(self, samples: Samples, rate: int, language: str = "") -> str:
        """The words said so far of a phrase that is still being spoken; "" when unsure."""
        utterance = cepstra(trim(samples, rate), rate)
        references = [r for r in self._candidates(language) if len(r.cepstra) >= len(utterance)]
        if len(utterance) * STEP_SECONDS < 3 * SHORTEST_SECONDS or not references:
            return ""
        warped = warp(utterance, [r.cepstra for r in references])
        best = int(warped.opening.argmin())
        if warped.opening[best] > _PROBABLE:
            return ""
        words = references[best].phrase.text.split()
        share = int(warped.heard[best]) / len(references[best].cepstra)
        return " ".join(words[: max(1, int(share * len(words)))])

    def _render(self, phrase: Phrase) -> list[_Reference]:
        references = []
        for voice in self._voices or voices_for(phrase.language):
            spoken = trim(render(phrase.text, voice, REFERENCE_RATE), REFERENCE_RATE)
            half_step = int(REFERENCE_RATE * HOP_SECONDS)
            # Both phases of the 20 ms grid: half a step of shift alone costs 0.6.
            for clip in (spoken, spoken[half_step:]):
                frames = cepstra(clip, REFERENCE_RATE)
                if len(frames):
                    references.append(_Reference(phrase, frames))
        return references

    def _candidates(self, language: str) -> list[_Reference]:
        if self._deaf:
            return []
        wanted = base_language(language)
        return [
            reference
            for phrase, references in self._references.items()
            if wanted in ("", "multi") or base_language(phrase.language) == wanted
            for reference in references
        ]

    def _begins_another(self, phrase: Phrase) -> bool:
        start = plain(phrase.text) + " "
        return any(plain(other.text).startswith(start) for other in self._references)


def plain(text: str) -> str:
    """Lower case, words only, one space between: how two sentences are compared in any script."""
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c == "'" else " " for c in text)
    return " ".join(kept.casefold().split())


def base_language(tag: str) -> str:
    return tag.lower().replace("_", "-").split("-")[0]
