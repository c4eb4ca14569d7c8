"""Sound in real time has a gap wherever its process was kept from working: no fault of ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_LOOK = 0.005  # s
_PACKET = 0.02  # s; who is kept waiting for longer is late for the next one


class Disturbance:
    longest = 0.0
    """Seconds for which nothing of this process could run."""


@asynccontextmanager
async def observed() -> AsyncIterator[Disturbance]:
    seen = Disturbance()

    async def look() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(_LOOK)
            seen.longest = max(seen.longest, time.monotonic() - began - _LOOK)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def on_a_still_machine(scenario: Callable[[], Awaitable[None]], attempts: int = 6) -> None:
    """Passes once the scenario does. Its failure counts where it was not disturbed, or again and
    again: what is heard of a process that was stopped for a packet's time says nothing of us."""
    for left in reversed(range(attempts)):
        async with observed() as disturbance:
            try:
                return await scenario()
            except AssertionError:
                if not left or disturbance.longest < _PACKET:
                    raise
