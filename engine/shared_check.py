"""One check at a time, however many ask: strangers must not make it cost what they like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Found = TypeVar("Found")


class SharedCheck(Generic[Found]):
    """Whoever asks while a check is under way, or so soon after its end, gets what that one found.
    A check that failed is not kept."""

    def __init__(self, kept_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._last: asyncio.Task[Found] | None = None
        self._ended_at = 0.0

    async def __call__(self, check: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
        if self._last is None or self._is_spent(self._last):
            self._last = asyncio.create_task(check())
            self._last.add_done_callback(self._note_end)
        # Shielded: one who leaves does not take the answer from the others.
        return await asyncio.shield(self._last)

    def _note_end(self, _task: asyncio.Task[Found]) -> None:
        self._ended_at = self._clock()

    def _is_spent(self, last: asyncio.Task[Found]) -> bool:
        if not last.done():
            return False
        has_failed = last.cancelled() or last.exception() is not None
        return has_failed or self._clock() - self._ended_at >= self._kept_seconds
