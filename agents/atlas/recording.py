from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from livekit import rtc


class Recording:
    """Speech made in advance. It may be played while it still grows, and more than once."""

    def __init__(self) -> None:
        self._frames: list[rtc.AudioFrame] = []
        self._is_over = False
        self._has_failed = False
        self._news = asyncio.Event()

    @property
    def is_usable(self) -> bool:
        """Whether playing it is quicker than to begin anew."""
        return bool(self._frames) and not self._has_failed

    def add(self, frame: rtc.AudioFrame) -> None:
        self._frames.append(frame)
        self._news.set()

    def end(self) -> None:
        self._is_over = True
        self._news.set()

    def fail(self) -> None:
        """No more is to come, and what is there is not the whole."""
        self._has_failed = True
        self.end()

    async def frames(self) -> AsyncIterator[rtc.AudioFrame]:
        position = 0
        while True:
            while position < len(self._frames):
                yield self._frames[position]
                position += 1
            if self._is_over:
                return
            self._news.clear()
            await self._news.wait()
