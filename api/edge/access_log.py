"""One log line and one observation per request: the route, never what was sent."""

from __future__ import annotations

import re
import time

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "http_request_seconds",
    "Time until the answer begins",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
_QUIET = ("/healthz", "/readyz", "/metrics")
_CALL_IN_PATH = re.compile(r"/(call_[0-9a-z]{26})(?=/|$)")

log = structlog.get_logger()


class AccessLog:
    """Also lets every line that is logged on behalf of a request carry its call's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clear_contextvars()
        if named := _CALL_IN_PATH.search(scope["path"]):
            bind_contextvars(call_id=named[1])
        began = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                _observe(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_and_note)


def _observe(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    # Labels are our own words only, or strangers could make them grow for ever.
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
    if route not in _QUIET:
        log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
