from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agents.atlas.floor import Floor
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
    ) -> None:
        self._opening = opening
        self._options = options
        self._resume_line = resume_line
        self._floor = floor
        self._voice = voice
        self._record = record
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._open(), name="opening")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _open(self) -> None:
        await self._floor.opened()
        if self._opening is Opening.RESUME:
            if self._resume_line:
                self._voice.say(self._resume_line)
            return
        # Recorded before it is spoken, so that no successor greets a second time.
        try:
            await asyncio.wait_for(self._record(), ACKNOWLEDGEMENT_PATIENCE)
        except TimeoutError:
            log.warning("opening although the workflow has not heard of it yet")
        await self._floor.opened()  # a hold may have come in between
        self._speak()

    def _speak(self) -> None:
        text = self._options.text
        if self._options.mode is OpeningMode.SAY and text:
            self._voice.say(text)
        elif self._options.mode is OpeningMode.GENERATE:
            self._voice.generate(text or "Greet the caller.")
