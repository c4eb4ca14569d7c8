"""How large a body may be, announced or in pieces.

Not Starlette's own limit: that one answers announced sizes in plain text, past our problems.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """`larger` gives some path prefixes a limit of their own."""

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "")
        is_announced_too_large = announced.isdecimal() and int(announced) > limit
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            if is_announced_too_large:
                raise HTTPException(413)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_within_limit, send)

    def _limit_of(self, path: str) -> int:
        for prefix, limit in self._larger.items():
            if path.startswith(prefix):
                return max(limit, self._limit)
        return self._limit
