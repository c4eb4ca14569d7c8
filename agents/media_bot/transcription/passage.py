"""What one human says from one cut to the next, in one language, whoever listens to it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable

from agents.media_bot.transcription.audio import Piece
from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.route import Route
from agents.media_bot.transcription.sessions import (
    CONNECT_SECONDS,
    Heard,
    Session,
    SessionFailed,
    failure,
)

log = logging.getLogger(__name__)

# What has not been understood yet is kept for the next provider, 32 kB a second.
KEPT_SECONDS = 30.0
# A provider's answer comes long before so much quiet; what lies before it was no speech.
_SETTLED_BY_QUIET, _LEAD = 5.0, 1.0

# Until then Atlas holds back what it has heard itself while we were deaf (its GRACE is longer by
# what it takes to notice a turn's end); what we understand later than this it has told already.
ATLAS_WAITS = 10.0
# A line that stood for so long was no connection that failed.
_STOOD = 2 * CONNECT_SECONDS

OpenSession = Callable[[Provider, str], Session]
Used = Callable[[Provider, float], None]
"""(provider, seconds of sound)"""


class Passage:
    def __init__(
        self,
        language: str,
        route: Route,
        open_session: OpenSession,
        *,
        on_heard: Callable[[Heard], None],
        on_used: Used,
        is_told_by_atlas: Callable[[], bool],
    ) -> None:
        """`is_told_by_atlas`: what this human says now; Atlas knows that nobody hears them."""
        self.language = language
        self._route = route
        self._open_session = open_session
        self._on_heard = on_heard
        self._on_used = on_used
        self._is_told_by_atlas = is_told_by_atlas
        self._atlas_until = -math.inf  # what was said before may be told by Atlas
        self._kept: deque[Piece] = deque()
        self._kept_seconds = 0.0
        self._quiet = 0.0
        self._clock_offset = 0.0  # of what time it is for sounds, from the loop's
        self._session: Session | None = None
        self._has_ended = False
        self.task = asyncio.create_task(self._listen(), name="passage")

    def push(self, piece: Piece) -> None:
        self._clock_offset = piece.ends - asyncio.get_running_loop().time()
        self._keep(piece)
        if self._session is not None:
            self._session.push(piece)

    def end(self) -> None:
        """Nothing more is said. The sentence in flight is still understood."""
        self._has_ended = True
        if self._session is not None:
            self._session.finish()

    async def aclose(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            provider, pause = self._route.choose()
            await asyncio.sleep(pause)
            began = asyncio.get_running_loop().time()
            failed = await self._listen_by(provider)
            if failed is None:
                return
            stood = asyncio.get_running_loop().time() - began
            if stood > _STOOD and self._is_all_quiet and not self._has_ended:
                continue  # some hang up on who is silent or muted, which is no failure
            log.warning(
                "a speech recogniser failed",
                extra={"provider": provider.value, "error": str(failed)},
            )
            self._route.failed(provider, failed)
            if self._has_ended and (self._route.is_deaf or self._is_all_quiet):
                return

    async def _listen_by(self, provider: Provider) -> SessionFailed | None:
        try:
            session = self._open_session(provider, self.language)
        except Exception as error:
            log.exception("a speech recogniser could not be made")
            return SessionFailed(str(failure(error)), retryable=False)
        try:
            for piece in self._kept:
                session.push(piece)
            self._session = session
            if self._has_ended:
                session.finish()
            async for heard in session.sentences():
                self._route.heard(provider)
                self._drop_until(heard.end)
                if not self._has_been_told(heard):
                    self._on_heard(heard)
        except SessionFailed as failed:
            return failed
        finally:
            self._session = None
            self._on_used(provider, session.seconds)
            await session.aclose()
        return None if self._has_ended else SessionFailed("it hung up")

    def _has_been_told(self, heard: Heard) -> bool:
        """By Atlas, while nobody heard: nothing is to be in the record twice."""
        now = asyncio.get_running_loop().time() + self._clock_offset
        if self._is_told_by_atlas():
            self._atlas_until = now
        return heard.end <= min(self._atlas_until, now - ATLAS_WAITS)

    @property
    def _is_all_quiet(self) -> bool:
        return all(piece.is_quiet for piece in self._kept)

    def _keep(self, piece: Piece) -> None:
        self._kept.append(piece)
        self._kept_seconds += piece.seconds
        self._quiet = self._quiet + piece.seconds if piece.is_quiet else 0.0
        session = self._session
        if (
            session is not None
            and not session.is_in_a_sentence
            and self._quiet > _SETTLED_BY_QUIET
            and self._kept_seconds > _SETTLED_BY_QUIET
        ):
            self._drop_until(piece.ends - _LEAD)
        while self._kept_seconds > KEPT_SECONDS:
            self._drop_first()

    def _drop_until(self, time: float) -> None:
        while self._kept and self._kept[0].ends <= time:
            self._drop_first()

    def _drop_first(self) -> None:
        self._kept_seconds -= self._kept.popleft().seconds
