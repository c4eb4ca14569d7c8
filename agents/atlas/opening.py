from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agents.atlas.floor import Floor
from agents.atlas.rehearsal import Rehearsal
from agents.atlas.voice import Voice
from contract.assistants import OpeningMode, OpeningOptions
from contract.rooms import Opening

log = logging.getLogger(__name__)

# A caller must not sit in silence because Temporal is away. The price: should this Atlas die as
# well before the fact arrives, its successor greets again.
ACKNOWLEDGEMENT_PATIENCE = 2.0


class CallOpening:
    """Atlas' first words: the greeting once per call, a short line when taking a call over."""

    def __init__(
        self,
        opening: Opening,
        options: OpeningOptions,
        *,
        resume_line: str,
        floor: Floor,
        voice: Voice,
        record: Callable[[], Awaitable[None]],
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self._opening = opening
        self._options = options
        self._resume_line = resume_line
        self._floor = floor
        self._voice = voice
        self._record = record
        self._rehearsal = rehearsal if opening is Opening.FIRST else None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._rehearsal is not None:
            self._rehearsal.start()
        self._task = asyncio.create_task(self._open(), name="opening")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._rehearsal is not None:
            await self._rehearsal.aclose()

    async def _open(self) -> None:
        await self._floor.opened()
        if self._opening is Opening.RESUME:
            if self._resume_line:
                self._voice.say(self._resume_line, again=True)
            return
        # Recorded before it is spoken, so that no successor greets a second time.
        try:
            await asyncio.wait_for(self._record(), ACKNOWLEDGEMENT_PATIENCE)
        except TimeoutError:
            log.warning("opening although the workflow has not heard of it yet")
        await self._floor.opened()  # a hold may have come in between
        self._speak()

    def _speak(self) -> None:
        rehearsed = self._rehearsal
        if rehearsed is not None:
            rehearsed.stop_unless_usable()
        if rehearsed is not None and rehearsed.text and rehearsed.recording.is_usable:
            self._voice.say(rehearsed.text, recording=rehearsed.recording, again=True)
        elif self._options.mode is OpeningMode.SAY and self._options.text:
            self._voice.say(self._options.text, again=True)
        elif self._options.mode is OpeningMode.GENERATE:
            self._voice.generate(instructions_of(self._options))


def instructions_of(options: OpeningOptions) -> str:
    """What a model is told when it makes the opening up."""
    return options.text or "Greet the caller."
