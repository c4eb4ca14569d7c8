"""`/metrics` of a process: its own figures come whatever becomes of the Temporal SDK's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import Counter

from engine.http_pages import ProcessPages, free_local_address

pytestmark = pytest.mark.slow  # waits until patience ends

Counter("seen_by_this_test_total", "Something of our own")


@asynccontextmanager
async def exporter(status: int, waits: float) -> AsyncIterator[str]:
    """What the SDK serves."""

    async def metrics(_request: web.Request) -> web.Response:
        await asyncio.sleep(waits)
        return web.Response(status=status, text="temporal_long_request 1\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    address = free_local_address()
    host, _, port = address.partition(":")
    await web.TCPSite(runner, host, int(port)).start()
    yield address
    await runner.cleanup()


async def page(temporal_metrics: str) -> str:
    """Raises what aiohttp raises unless the answer is good."""
    host, _, port = free_local_address().partition(":")
    async with (
        ProcessPages({}, temporal_metrics=temporal_metrics).serve(host, int(port)),
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"http://{host}:{port}/metrics") as answer,
    ):
        return await answer.text()


async def test_temporals_figures_stand_beside_ours() -> None:
    async with exporter(200, 0.0) as address:
        told = await page(address)
    assert "seen_by_this_test_total 0.0" in told
    assert "temporal_long_request 1" in told


async def test_our_figures_come_when_the_sdk_does_not_answer() -> None:
    assert "seen_by_this_test_total 0.0" in await page(free_local_address())


@pytest.mark.parametrize(("status", "waits"), [(500, 0.0), (200, 3.0)])
async def test_our_figures_come_when_the_sdk_fails_or_hangs(status: int, waits: float) -> None:
    async with exporter(status, waits) as address:
        told = await page(address)
    assert "seen_by_this_test_total 0.0" in told
    assert "temporal_long_request" not in told
