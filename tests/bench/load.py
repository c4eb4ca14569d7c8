"""A stack for load alone: what a call costs without media, and who pays."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import httpx2

from sandbox.stack import Stack
from tests.bench.bench import Bench, temporal_of
from tests.bench.figures import Figure
from tests.bench.hall import Hall
from tests.bench.machine import Others
from tests.bench.processes import Tree, tree_of

PLATFORM = ("temporal", "worker", "api")
LIVEKIT, CLIENT = "livekit", "this client"
PAYERS = (*PLATFORM, LIVEKIT, CLIENT)
_REQUEST_LIMIT = 30.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class Load:
    bench: Bench
    http: aiohttp.ClientSession  # a third of httpx2's CPU time, which the stack can use better
    hall: Hall | None
    others: Others

    def look(self, *, memory: bool = False) -> dict[str, Tree]:
        """Everybody who pays; with a hall, `livekit` is the hall."""
        return {payer: tree_of(self.pids(payer), memory=memory) for payer in PAYERS}

    def pids(self, payer: str) -> list[int]:
        if payer == CLIENT:
            return [os.getpid()]
        if payer == LIVEKIT and self.hall is not None:
            return self.hall.pids
        return self.bench.stack.pids(payer)

    def close(self, figure: Figure) -> Figure:
        figure.notes.append(
            f"Other programs took {self.others.share():.0f} % of the machine's CPU time meanwhile."
        )
        return figure


@asynccontextmanager
async def load_stack(scale: float, tell: Tell, *, hall: bool) -> AsyncIterator[Load]:
    """Temporal, API, worker, S3 and LiveKit, or the hall in its place. No agents."""
    tell("starting a stack without agents")
    parts = [*PLATFORM, "s3", *([] if hall else [LIVEKIT])]
    async with AsyncExitStack() as closing:
        stack = Stack(free_ports=True, only=parts)
        closing.push_async_callback(stack.stop)
        place = await closing.enter_async_context(Hall(stack)) if hall else None
        await stack.start()
        told = stack.description
        headers = {"Authorization": f"Bearer {told.api_key}"}
        client = httpx2.AsyncClient(base_url=told.api_url, headers=headers, timeout=_REQUEST_LIMIT)
        slow = await closing.enter_async_context(client)
        fast = await closing.enter_async_context(
            aiohttp.ClientSession(
                told.api_url,
                headers=headers,
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=_REQUEST_LIMIT),
            )
        )
        bench = Bench(stack, slow, await temporal_of(stack), scale, tell)
        hall_pids = place.pids if place else []
        others = Others(lambda part: stack.pids(part) + (hall_pids if part == LIVEKIT else []))
        yield Load(bench, fast, place, others)


def spent(before: dict[str, Tree], after: dict[str, Tree]) -> dict[str, float]:
    """CPU seconds of each between two looks."""
    return {name: after[name].cpu_seconds - before[name].cpu_seconds for name in after}
