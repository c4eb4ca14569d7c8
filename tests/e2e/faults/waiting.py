from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T | None]],
    patience: float,
    otherwise: str,
    *,
    every: float = 0.1,
) -> T:
    """The first look that shows something; AssertionError once patience (seconds) is over."""
    until = time.monotonic() + patience
    while True:
        if found := await look():
            return found
        if time.monotonic() > until:
            raise AssertionError(f"{otherwise} (waited {patience:.0f} s)")
        await asyncio.sleep(every)
