"""One log line and one observation per request: the route, never what was sent."""

from __future__ import annotations

import time

import structlog
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = Histogram(
    "http_request_seconds",
    "Time to answer",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
_QUIET = ("/healthz", "/readyz", "/metrics")

log = structlog.get_logger()


class AccessLog:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _observe(scope, status, time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_and_note)


def _observe(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    # Labels are our own words only, or strangers could make them grow for ever.
    method = scope["method"] if scope["method"] in _METHODS else "other"
    SECONDS.labels(method, route, status).observe(seconds)
    if route not in _QUIET:
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            call_id=scope.get("path_params", {}).get("call_id"),
        )
