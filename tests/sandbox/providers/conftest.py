"""The stand-ins, once, in a thread with a loop of its own: clients meet them over real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp import web

from sandbox.providers.scenario import DEMO, load
from sandbox.providers.server import build

VENDORS = ("deepgram", "groq", "elevenlabs", "openai")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """`http://127.0.0.1:<port>` of the running stand-ins."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[web.AppRunner, str]:
        runner = web.AppRunner(await build(load(DEMO)), shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"

    runner, url = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    yield url
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
async def http(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the stand-ins, which are left as they were found."""
    async with aiohttp.ClientSession(address) as session:
        yield session
        for vendor in VENDORS:
            await session.delete(f"/{vendor}/control/fault")
            await session.delete(f"/{vendor}/control/log")
        await session.delete("/openai/control/limits")
        await session.delete("/phrases")
