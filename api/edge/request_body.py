"""Reads the whole body before anybody acts on it: so large, so soon, and clear JSON.

Not Starlette's own limit: that one answers announced sizes in plain text, past our problems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.edge import strict_json
from api.problems import problem
from contract.errors import PlatformError

# The rest of a body that nobody will read must not be taken for the next request.
_CLOSE = {"Connection": "close"}
# A client that is still sending when we close gets a reset, and with it never sees the answer: some
# of what is too much is taken and thrown away first (nginx calls that a lingering close).
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 16 * 1024 * 1024


class BodyTooLarge(PlatformError):
    code, http_status = "body-too-large", 413


class BodyTooSlow(PlatformError):
    code, http_status, retryable = "body-too-slow", 408, True


class MalformedJson(PlatformError):
    code, http_status = "malformed-json", 400


class _Gone(Exception):
    """The client went before it had sent everything."""


@dataclass(frozen=True, slots=True)
class Larger:
    """More `bytes` for whom `check` lets pass, by the headers alone; it raises PlatformError."""

    bytes: int
    check: Callable[[Request], Awaitable[None]]


class RequestBody:
    """`larger` gives some path prefixes a limit of their own; bodies under `raw` ones are judged
    by their endpoint alone. `seconds` is for the whole body."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int,
        larger: Mapping[str, Larger],
        raw: tuple[str, ...],
        seconds: float,
    ) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger
        self._raw = raw
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
            if body and _is_json(scope) and not scope["path"].startswith(self._raw):
                _check(body)
        except _Gone:
            return
        except PlatformError as refused:
            # Who asks first whether to send has sent nothing yet.
            is_sending = not isinstance(refused, MalformedJson | BodyTooSlow)
            if is_sending and "expect" not in Headers(scope=scope):
                await _linger(receive)
            close = {} if isinstance(refused, MalformedJson) else _CLOSE
            answer = problem(
                Request(scope), refused.http_status, refused.code, str(refused), headers=close
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, _first_then(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        limit = self._limit
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > limit:
            limit = await self._limit_above(int(announced[:20]), scope)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    body += message.get("body", b"")
                    if len(body) > limit:
                        limit = await self._limit_above(len(body), scope)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise BodyTooSlow(
                f"The body did not arrive within {self._seconds:g} s; send it again at once."
            ) from None

    async def _limit_above(self, length: int, scope: Scope) -> int:
        """What this sender may send when it is more than strangers may. Raises BodyTooLarge, and
        what `Larger.check` raises: nothing more of a stranger's body is read."""
        limit = self._limit
        for prefix, larger in self._larger.items():
            if scope["path"].startswith(prefix):
                await larger.check(Request(scope))
                limit = max(limit, larger.bytes)
                break
        if length > limit:
            raise BodyTooLarge(f"The body is too large: this address takes {limit} bytes.")
        return limit


async def _linger(receive: Receive) -> None:
    taken = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while taken < _LINGER_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _is_json(scope: Scope) -> bool:
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _check(body: bytes) -> None:
    try:
        strict_json.check(body)
    except strict_json.AmbiguousJson as wrong:
        raise MalformedJson(str(wrong)) from None


def _first_then(body: bytes, receive: Receive) -> Receive:
    was_given = False

    async def give() -> Message:
        nonlocal was_given
        if was_given:
            return await receive()
        was_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give
