"""How long an answer may take, all in all; event streams once begun may last."""

from __future__ import annotations

import asyncio

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from contract.errors import Unavailable

log = structlog.get_logger()


class TimedOut(Unavailable):
    code = "timed-out"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"No answer within {seconds:g} s; look whether it was done, or repeat it with the "
            "same Idempotency-Key."
        )


class TimeLimit:
    """A last line of defence: every step has a shorter patience of its own."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False
        limit = asyncio.timeout(self._seconds)

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                if _is_stream(message):
                    limit.reschedule(None)
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                limit.reschedule(None)  # what is done after the answer keeps nobody waiting

        try:
            async with limit:
                await self._app(scope, receive, send_and_note)
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("request_timed_out", route=getattr(scope.get("route"), "path", "none"))
            if not has_started:
                refused = TimedOut(self._seconds)
                answer = problem(Request(scope), refused.http_status, refused.code, str(refused))
                await answer(scope, receive, send)


def _is_stream(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/event-stream")
