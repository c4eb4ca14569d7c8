"""The recorder's HTTP side: Twirp, control and health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from google.protobuf.message import Message
from livekit import api
from livekit.protocol.egress import (
    ListEgressRequest,
    ListEgressResponse,
    RoomCompositeEgressRequest,
    StopEgressRequest,
)

from sandbox.providers.faults import GARBAGE, Fault, cut
from sandbox.recorder import twirp
from sandbox.recorder.desk import Desk
from sandbox.recorder.faults import FaultBoard, Operation
from sandbox.recorder.info import copy_of

_PATH = "/twirp/livekit.Egress"

Work = Callable[[web.Request], Awaitable[Message]]


class RecorderApi:
    def __init__(self, desk: Desk, faults: FaultBoard, verifier: api.TokenVerifier) -> None:
        self._desk, self._faults, self._verifier = desk, faults, verifier

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post(f"{_PATH}/StartRoomCompositeEgress", self._start),
                web.post(f"{_PATH}/StopEgress", self._stop),
                web.post(f"{_PATH}/ListEgress", self._list),
                web.post("/twirp/{method:.*}", self._no_such_method),
                web.get("/healthz", self._health),
                web.post("/control/fault", self._add_fault),
                web.delete("/control/fault", self._clear_faults),
                web.get("/control/log", self._show_log),
            ]
        )
        return app

    async def _start(self, request: web.Request) -> web.StreamResponse:
        async def work(request: web.Request) -> Message:
            asked = await twirp.read_message(request, RoomCompositeEgressRequest())
            # A client that goes away does not undo a start: real Egress hears of it by redis.
            return await asyncio.shield(self._desk.start(asked))

        return await self._serve(request, Operation.START, work)

    async def _stop(self, request: web.Request) -> web.StreamResponse:
        async def work(request: web.Request) -> Message:
            asked = await twirp.read_message(request, StopEgressRequest())
            return await self._desk.stop(asked.egress_id)

        return await self._serve(request, Operation.STOP, work)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        async def work(request: web.Request) -> Message:
            asked = await twirp.read_message(request, ListEgressRequest())
            return ListEgressResponse(items=[copy_of(info) for info in self._desk.list(asked)])

        return await self._serve(request, Operation.LIST, work)

    async def _serve(
        self, request: web.Request, operation: Operation, work: Work
    ) -> web.StreamResponse:
        refused = twirp.check_grant(
            request, self._verifier, lambda grants: bool(grants.room_record)
        )
        if refused is not None:
            self._faults.note(operation, None, status=refused.status)
            return refused
        fault = self._faults.take(operation)
        try:
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind == "status":
                raise twirp.TwirpError.of_status(fault.status)
            message = await work(request)
            response = twirp.respond(message, twirp.content_type_of(request))
        except twirp.TwirpError as error:
            response = error.response()
        self._faults.note(operation, fault, status=response.status)
        return await self._spoil(request, response, fault)

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
                return web.Response(body=GARBAGE, content_type=twirp.PROTOBUF)
            case _:
                pass
        return response

    async def _no_such_method(self, request: web.Request) -> web.Response:
        words = f"no handler for path {request.path!r}"
        return twirp.TwirpError("bad_route", words).response()

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
