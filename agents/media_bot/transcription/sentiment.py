"""What a sentence sounds like: VADER's four scores, and runs of strongly negative turns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from vaderSentiment.vaderSentiment import (  # type: ignore[import-untyped]
    SentimentIntensityAnalyzer,
)

from agents.media_bot.transcription.providers import base_language

NOT_ENGLISH = "VADER knows English only."


def sentiment_of(text: str, language: str) -> tuple[dict[str, float] | None, str | None]:
    """(scores neg, neu, pos, compound; None), or (None, why there are none)."""
    if base_language(language) != "en":
        return None, NOT_ENGLISH
    return dict(_analyser().polarity_scores(text)), None


@cache
def _analyser() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


class NegativeRun:
    """Of one human: told once, and again only after a turn that is not negative."""

    def __init__(self, turns: int, compound: float) -> None:
        self._turns = turns
        self._compound = compound
        self._scores: list[float] = []

    def add(self, scores: Mapping[str, float] | None) -> float | None:
        """The run's mean compound score, with the turn that makes it one. A turn without scores
        neither belongs to a run nor ends it."""
        if scores is None:
            return None
        if scores["compound"] > self._compound:
            self._scores.clear()
            return None
        self._scores.append(scores["compound"])
        if len(self._scores) != self._turns:
            return None
        return round(sum(self._scores) / self._turns, 4)
