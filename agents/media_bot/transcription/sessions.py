"""One provider that listens to one human for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from livekit.agents import APIConnectionError, APIError, APIStatusError

from agents.media_bot.transcription.audio import Piece

CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence. Times are seconds since the epoch."""

    text: str
    start: float
    end: float


class SessionFailed(Exception):
    """Why a provider does not listen any more; the text holds no secret and no word of anybody."""

    def __init__(self, why: str, *, retryable: bool = True) -> None:
        super().__init__(why)
        self.retryable = retryable


class Session(Protocol):
    @property
    def seconds(self) -> float:
        """Of sound that the provider has been given: what it asks money for."""

    @property
    def is_in_a_sentence(self) -> bool: ...

    def push(self, piece: Piece) -> None: ...

    def finish(self) -> None:
        """No more sound comes. What was said so far is still understood."""

    def sentences(self) -> AsyncIterator[Heard]:
        """Until `finish`, and a little longer. Raises SessionFailed."""

    async def aclose(self) -> None: ...


def failure(error: BaseException) -> SessionFailed:
    """What a plugin raised, in our words: theirs may quote what was said."""
    match error:
        case SessionFailed():
            return error
        case APIStatusError() if 100 <= error.status_code < 600:
            why = f"it answered with status {error.status_code}"
        case APIStatusError():  # a websocket's close code, or none at all
            why = "the line to it broke"
        case APIConnectionError() | TimeoutError():
            why = "it could not be reached"
        case _:
            why = "it failed"
    return SessionFailed(why, retryable=not isinstance(error, APIError) or error.retryable)
