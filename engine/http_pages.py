"""Pages of a process that is no HTTP server otherwise: does it live, can it work, its metrics."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contract.errors import PlatformError
from engine.shared_check import SharedCheck

_PATIENCE = 2.0
_KEPT_SECONDS = 1.0

Check = Callable[[], Awaitable[None]]
PartState = dict[str, object]

log = structlog.get_logger()


class ProcessPages:
    """`/healthz`, `/readyz` (each check by name) and `/metrics`, with Temporal's while
    the SDK gives them.

    Without what `needed` names the process cannot work (503); without the others it is `degraded`.
    """

    def __init__(
        self,
        needed: Mapping[str, Check],
        others: Mapping[str, Check] | None = None,
        *,
        metrics: bool = True,
        temporal_metrics: str | None = None,
    ) -> None:
        self._needed = needed
        self._checks = {**needed, **(others or {})}
        self._readiness: SharedCheck[dict[str, PartState]] = SharedCheck(_KEPT_SECONDS)
        self._has_metrics = metrics
        self._temporal_metrics = temporal_metrics

    @asynccontextmanager
    async def serve(self, host: str, port: int) -> AsyncIterator[None]:
        """Raises OSError when the port cannot be used."""
        app = web.Application()
        app.add_routes([web.get("/healthz", self._healthz), web.get("/readyz", self._readyz)])
        if self._has_metrics:
            app.add_routes([web.get("/metrics", self._metrics)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield
        finally:
            await runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        parts = await self._readiness(self._look)
        away = [name for name, state in parts.items() if not state["ok"]]
        if any(name in self._needed for name in away):
            return web.json_response({"status": "not ready", "parts": parts}, status=503)
        return web.json_response({"status": "degraded" if away else "ready", "parts": parts})

    async def _look(self) -> dict[str, PartState]:
        states = await asyncio.gather(
            *(_state(check, name in self._needed) for name, check in self._checks.items())
        )
        return dict(zip(self._checks, states, strict=True))

    async def _metrics(self, _request: web.Request) -> web.Response:
        ours = await asyncio.to_thread(generate_latest)
        return web.Response(
            body=ours + await self._of_temporal(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _of_temporal(self) -> bytes:
        """The SDK serves them on an address of its own; one place to look is enough."""
        if self._temporal_metrics is None:
            return b""
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
                session.get(f"http://{self._temporal_metrics}/metrics") as answer,
            ):
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            # Ours are worth having without them, now most of all.
            log.warning("temporal_metrics_missing", error=type(error).__name__)
            return b""


def free_local_address() -> str:
    """Of this moment: for the SDK, which does not tell the port that it chose itself."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


async def _state(check: Check, needed: bool) -> PartState:
    detail = ""
    try:
        async with asyncio.timeout(_PATIENCE):
            await check()
    except TimeoutError:
        detail = f"no answer within {_PATIENCE:g} s"
    except PlatformError as error:
        detail = str(error)
    except Exception as error:  # whatever it is, the part cannot be used
        detail = type(error).__name__
    return {"ok": not detail, "needed": needed, "detail": detail}
