"""When each word of an utterance was said, which the ears do not know: shared out evenly."""

from __future__ import annotations


def spread(text: str, start: float, duration: float) -> list[tuple[str, float, float]]:
    """Words with start and end: the time shared out by their letters, which is near enough."""
    words = text.split()
    letters = sum(len(word) for word in words) or 1
    timed = []
    at = start
    for word in words:
        end = at + duration * len(word) / letters
        timed.append((word, round(at, 3), round(end, 3)))
        at = end
    return timed
