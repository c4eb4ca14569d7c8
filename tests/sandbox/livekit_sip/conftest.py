from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.sandbox.livekit_sip.bench import Bench, open_bench


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_bench() -> AsyncIterator[Bench]:
    async with open_bench() as bench:
        yield bench


@pytest_asyncio.fixture(loop_scope="session")
async def bench(shared_bench: Bench) -> AsyncIterator[Bench]:
    yield shared_bench
    await shared_bench.clear()
