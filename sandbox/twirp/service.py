"""One LiveKit service on HTTP: its methods by Twirp, faults, log and health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from google.protobuf.message import Message
from livekit import api

from sandbox.providers.faults import GARBAGE, Fault, cut, gone
from sandbox.twirp.faults import FaultBoard
from sandbox.twirp.wire import (
    PROTOBUF,
    Allowed,
    TwirpError,
    check_grant,
    content_type_of,
    read_message,
    respond,
)

_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Method:
    """`work` gets the request's message. A fault in `operation` loses its answer, one in `early`
    the request itself. `about`: what the log may say of a request."""

    name: str
    asked: type[Message]
    operation: str
    allowed: Allowed
    work: Callable[[Any], Awaitable[Message]]
    early: str | None = None
    about: Callable[[Any], dict[str, Any]] = lambda asked: {}


class TwirpService:
    def __init__(
        self,
        name: str,
        methods: Iterable[Method],
        faults: FaultBoard,
        verifier: api.TokenVerifier,
        *,
        unknown: Callable[[str], TwirpError] | None = None,
    ) -> None:
        """`name` as in `livekit.Egress`; `unknown`: what a method of it gets that is not there."""
        self._methods = {f"/twirp/{name}/{each.name}": each for each in methods}
        self._name, self._faults, self._verifier = name, faults, verifier
        self._unknown = unknown
        self._working: set[asyncio.Future[Message]] = set()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/twirp/{method:.*}", self._serve),
                web.get("/healthz", self._health),
                web.post("/control/fault", self._add_fault),
                web.delete("/control/fault", self._clear_faults),
                web.get("/control/log", self._show_log),
            ]
        )
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = self._methods.get(request.path)
        if method is None:
            return self._no_such_method(request.path).response()
        refused = check_grant(request, self._verifier, method.allowed)
        if refused is not None:
            self._faults.note(method.operation, None, status=refused.status)
            return refused
        if method.early is not None and (early := self._faults.take(method.early)) is not None:
            self._faults.note(method.early, early)
            instead = await self._lose(request, early)
            if instead is not None:
                return instead
        return await self._do(request, method)

    async def _do(self, request: web.Request, method: Method) -> web.StreamResponse:
        fault = self._faults.take(method.operation)
        about: dict[str, Any] = {}
        try:
            asked = await read_message(request, method.asked())
            about = method.about(asked)
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind == "status":
                raise TwirpError.of_status(fault.status)
            response = respond(await self._work(method, asked), content_type_of(request))
        except TwirpError as error:
            response = error.response()
        self._faults.note(method.operation, fault, status=response.status, **about)
        return await self._spoil(request, response, fault)

    async def _work(self, method: Method, asked: Message) -> Message:
        """A client that goes away undoes nothing: real services hear of it by redis."""
        working = asyncio.ensure_future(method.work(asked))
        self._working.add(working)
        working.add_done_callback(self._finished)
        return await asyncio.shield(working)

    def _finished(self, working: asyncio.Future[Message]) -> None:
        self._working.discard(working)
        if not working.cancelled():
            working.exception()  # told to the client, if there still is one

    async def _lose(self, request: web.Request, fault: Fault) -> web.Response | None:
        """The request has reached nobody yet. None: it does now."""
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
            case "status":
                return TwirpError.of_status(fault.status).response()
            case "cut":
                cut(request)
                return web.Response()
            case "garbage":
                return web.Response(body=GARBAGE, content_type=PROTOBUF)
            case "hang":
                cleared = asyncio.ensure_future(self._faults.cleared())
                while not cleared.done() and not gone(request):
                    await asyncio.wait({cleared}, timeout=_LOOK)
                cleared.cancel()
        return web.Response() if gone(request) else None

    async def _spoil(
        self, request: web.Request, response: web.Response, fault: Fault | None
    ) -> web.StreamResponse:
        """The work is done, and the answer is lost: what makes a start not idempotent."""
        match fault.kind if fault is not None else None:
            case "hang":
                await self._faults.cleared()
            case "cut":
                cut(request)
            case "garbage":
                return web.Response(body=GARBAGE, content_type=PROTOBUF)
            case _:
                pass
        return response

    def _no_such_method(self, path: str) -> TwirpError:
        service, _, method = path.removeprefix("/twirp/").partition("/")
        if self._unknown is not None and service == self._name and method:
            return self._unknown(method)
        return TwirpError("bad_route", f"no handler for path {path!r}")

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self._faults.add(Fault.model_validate_json(await request.read()))
        except ValueError as wrong:
            return web.json_response({"error": str(wrong)}, status=422)
        return web.json_response({"ok": True})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({"ok": True})

    async def _show_log(self, request: web.Request) -> web.Response:
        return web.json_response(self._faults.log())
