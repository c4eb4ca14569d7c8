"""Carrying a fault out, on HTTP and on websockets.

`meet_request` is asked before an HTTP answer or a websocket's handshake, `meet_answer` before each
answer on a websocket that is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.providers.faults import GARBAGE, Fault, Vendor, cut, gone

Refusal = Callable[[int, str], web.Response]
"""(status, message) -> an HTTP answer in the vendor's own error shape."""

_ORDERED = "The stand-in was told to fail."


@dataclass(frozen=True, slots=True)
class Met:
    """What to do with a request: `answer` at once if set; else serve it, breaking it if `fault`."""

    answer: web.StreamResponse | None = None
    fault: Fault | None = None


async def meet_request(
    vendor: Vendor, operation: str, request: web.Request, refusal: Refusal
) -> Met:
    """Let the next fault of this operation hit the request. Returns its remainder."""
    fault = vendor.take(operation)
    if fault is None:
        return Met()
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return Met()
    if fault.kind == "status":
        return Met(refusal(fault.status, _ORDERED))
    if fault.kind == "hang":
        await vendor.hang(request)
        return Met(web.Response(status=499) if gone(request) else None)
    return Met(fault=fault)


async def broken(
    request: web.Request, fault: Fault, content_type: str, start: bytes = b'{"'
) -> web.StreamResponse:
    """Begin a good answer with `start`, then cut the line or end it in garbage."""
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    if fault.kind == "garbage":
        await response.write(GARBAGE)
        await response.write_eof()
        return response
    await response.write(start)
    await asyncio.sleep(0)  # let the start leave: an abort drops what is still buffered
    cut(request)
    return response


async def meet_handshake(
    vendor: Vendor, operation: str, request: web.Request, refusal: Refusal
) -> web.StreamResponse | None:
    """As `meet_request`, before a websocket opens. Garbage waits for the first answer instead."""
    if any(f.kind == "garbage" and f.operation in (None, operation) for f in vendor.faults[:1]):
        return None
    met = await meet_request(vendor, operation, request, refusal)
    if met.fault is not None:
        cut(request)
        return web.Response(status=499)
    return met.answer


async def meet_answer(
    vendor: Vendor,
    operation: str,
    request: web.Request,
    ws: web.WebSocketResponse,
    refuse: Callable[[int, str], Awaitable[None]],
) -> bool:
    """Let the next fault hit an answer on an open websocket. True: the answer may still be sent.

    `refuse` (status, message) sends the vendor's error message; it may close the socket.
    """
    fault = vendor.take(operation)
    if fault is None:
        return True
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "hang":
        await vendor.hang(request)
    elif fault.kind == "cut":
        cut(request)
        return False
    elif fault.kind == "garbage":
        await ws.send_str(GARBAGE.decode("latin-1"))
        return False
    else:
        await refuse(fault.status, _ORDERED)
        return False
    return not (ws.closed or gone(request))
