"""One check at a time, however many ask: `/readyz` is open to everybody and asks every part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Found = TypeVar("Found")


class SharedCheck(Generic[Found]):
    """Whoever asks while a check is under way gets what that one finds."""

    def __init__(self) -> None:
        self._running: asyncio.Task[Found] | None = None

    async def __call__(self, check: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(check())
        # Shielded: one who leaves does not take the answer from the others.
        return await asyncio.shield(self._running)
