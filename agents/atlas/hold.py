from __future__ import annotations

import asyncio
from typing import Protocol

from agents.atlas.floor import Closed, Floor


class HoldableVoice(Protocol):
    async def hush(self) -> None: ...

    def unhush(self) -> None: ...


class HoldMode:
    """Silent and deaf between hold and resume, whatever order and number they arrive in.

    Each command carries a number that grows over the call; a lower or equal one is old news.
    """

    def __init__(self, floor: Floor, voice: HoldableVoice) -> None:
        self._floor = floor
        self._voice = voice
        self._seq = -1
        self._switching = asyncio.Lock()

    async def hold(self, seq: int) -> None:
        if not self._is_news(seq):
            return
        # Before the first await: from here on no watchdog, filler or turn starts to speak.
        self._floor.close(Closed.HOLD)
        async with self._switching:
            if seq == self._seq:
                await self._voice.hush()

    async def resume(self, seq: int) -> None:
        if not self._is_news(seq):
            return
        # Falling silent takes a moment; a resume in that moment waits, and a yet newer hold wins.
        async with self._switching:
            if seq == self._seq:
                self._voice.unhush()
                self._floor.clear(Closed.HOLD)

    def _is_news(self, seq: int) -> bool:
        if seq <= self._seq:
            return False
        self._seq = seq
        return True
