"""One human's ear at Media Bot: when it listens, in which language, and where it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agents.media_bot.transcription.audio import Piece
from agents.media_bot.transcription.passage import OpenSession, Passage, Used
from agents.media_bot.transcription.route import Route

# A cut waits for a pause in the speech, so that no sentence is halved; at most so long, seconds.
_PAUSE, _LONGEST_WAIT = 0.3, 3.0


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    language: str
    start: float
    end: float


class Ear:
    def __init__(
        self,
        make_route: Callable[[str], Route],
        open_session: OpenSession,
        *,
        on_sentence: Callable[[Sentence], None],
        on_used: Used,
        is_told_by_atlas: Callable[[], bool],
    ) -> None:
        """`make_route`: of a language. `is_told_by_atlas`: see Passage."""
        self._make_route = make_route
        self._open_session = open_session
        self._on_sentence = on_sentence
        self._on_used = on_used
        self._is_told_by_atlas = is_told_by_atlas
        self._language: str | None = None
        self._is_held = False
        self._route: Route | None = None
        self._routes_language = ""
        self._passage: Passage | None = None
        self._ending: set[Passage] = set()
        self._quiet = 0.0
        self._waited = 0.0

    def listen(self, language: str | None) -> None:
        """From the next pause on; None: not at all."""
        self._language = language
        if language is None:
            self._end_passage()

    def hold(self, held: bool) -> None:
        """What was said before the hold is still understood; nothing of the hold is heard."""
        self._is_held = held
        if held:
            self._end_passage()

    def interrupted(self) -> None:
        """No more sound comes for now: the track is gone."""
        self._end_passage()

    def hear(self, piece: Piece) -> None:
        if self._language is None or self._is_held:
            return
        if self._passage is not None and self._is_time_to_cut(piece):
            self._end_passage()
        if self._passage is None:
            self._passage = self._begin(self._language)
        self._passage.push(piece)

    async def aclose(self, patience: float) -> None:
        """Understand what was said, for at most `patience` seconds."""
        self._language = None
        self._end_passage()
        try:
            if self._ending:
                await asyncio.wait({passage.task for passage in self._ending}, timeout=patience)
        finally:
            # Also when the room's end cuts the patience short: what was used is told after this.
            await asyncio.gather(*(passage.aclose() for passage in list(self._ending)))

    def _is_time_to_cut(self, piece: Piece) -> bool:
        self._quiet = self._quiet + piece.seconds if piece.is_quiet else 0.0
        changes = self._passage is not None and self._passage.language != self._language
        returns = self._route is not None and self._route.may_return
        if not changes and not returns:
            self._waited = 0.0
            return False
        self._waited += piece.seconds
        # Only a language is worth a halved sentence.
        if self._quiet < _PAUSE and not (changes and self._waited >= _LONGEST_WAIT):
            return False
        if not changes and self._route is not None:
            self._route.return_to_first()
        return True

    def _begin(self, language: str) -> Passage:
        self._quiet = self._waited = 0.0
        if self._route is None or self._routes_language != language:
            self._route = self._make_route(language)
            self._routes_language = language
        return Passage(
            language,
            self._route,
            self._open_session,
            on_heard=lambda heard: self._on_sentence(
                Sentence(heard.text, language, heard.start, heard.end)
            ),
            on_used=self._on_used,
            is_told_by_atlas=self._is_told_by_atlas,
        )

    def _end_passage(self) -> None:
        passage, self._passage = self._passage, None
        if passage is None:
            return
        self._ending.add(passage)
        passage.task.add_done_callback(lambda _: self._ending.discard(passage))
        passage.end()
