"""Running an agent server until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from livekit.agents import AgentServer

from contract.errors import Unavailable
from engine.http_pages import ProcessPages
from engine.leaving import leave

log = logging.getLogger(__name__)

# livekit registers a server that is still cold after its 10 s, and a cold job misses its call by
# seconds. On a busy machine it is better to register late: whoever asks sees that we are not ready.
WARM_UP_SECONDS = 45.0

# Nobody asks livekit's own page, which cannot be left out.
LIVEKITS_PAGE_HOST, LIVEKITS_PAGE_PORT = "127.0.0.1", 0
_EVERYWHERE = "0.0.0.0"
_NO_ID = "unregistered"  # livekit's word until the first registration


def load_function(threshold: float) -> Callable[[], float] | None:
    """What an agent server reports as its load: None is livekit's measure, the CPU's.

    A threshold of infinity makes the worker call itself available, but LiveKit's own choice gives
    a worker with a load of 1.0 no weight at all and drops the dispatch without a word
    (livekit-server `selectWorkerWeightedByLoad`). So a worker that never refuses reports none.
    """
    return (lambda: 0.0) if math.isinf(threshold) else None


async def serve(
    server: AgentServer, *, health_port: int, drain_seconds: float, close_seconds: float
) -> int:
    """Serve until SIGTERM or SIGINT, then drain, close and exit 0.

    Returns the exit code only when the agent server gave up by itself.
    """
    pages = ProcessPages({"livekit": lambda: _is_registered(server)}, metrics=False)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(pages.serve(_EVERYWHERE, health_port))
        except OSError as error:
            log.error(
                "the port of the health pages cannot be used",
                extra={"port": health_port, "error": error.strerror},
            )
            return 1
        return await _serve(server, drain_seconds, close_seconds)


async def _is_registered(server: AgentServer) -> None:
    """Raises Unavailable. livekit's own page answers before LiveKit knows this server, and goes on
    answering when the connection is lost; nothing public tells the latter."""
    if server.id == _NO_ID or server._connecting:
        raise Unavailable("LiveKit does not know this agent server: its dispatches go elsewhere.")


async def _serve(server: AgentServer, drain_seconds: float, close_seconds: float) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(server.run(), name="agent_server")
    stopping = asyncio.create_task(stop.wait(), name="stop_signal")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        stopping.cancel()
        log.error("the agent server gave up", exc_info=running.exception())
        return 1
    await _drain(server, drain_seconds)
    try:
        await asyncio.wait_for(server.aclose(), close_seconds)
    except TimeoutError:
        # A job that does not end within its time must not hold the process back. Its own process
        # notices the closed channel and ends too; the workflow sends a successor.
        log.warning("calls did not end in time; leaving them", extra={"seconds": close_seconds})
    leave(0)


async def _drain(server: AgentServer, seconds: float) -> None:
    if seconds <= 0 or not server.active_jobs:
        return
    try:
        # A timeout of None would wait for ever; whole seconds are livekit's unit.
        await asyncio.wait_for(server.drain(timeout=None), seconds)
    except TimeoutError:
        log.info("calls are still going on; ending them here", extra={"seconds": seconds})
