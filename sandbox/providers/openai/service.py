"""The handshake of `/v1/realtime`, and `/control/limits`."""

from __future__ import annotations

from aiohttp import web
from pydantic import ValidationError

from sandbox.providers.ears import Ears
from sandbox.providers.faults import Vendor
from sandbox.providers.mind import Mind
from sandbox.providers.misbehaviour import meet_handshake
from sandbox.providers.openai.limits import AskedLimits, Limits
from sandbox.providers.openai.socket import RealtimeSocket
from sandbox.providers.openai.wire_log import OPERATION

WRONG_KEY = "wrong-key"
_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


def refusal(status: int, message: str) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": _CODES.get(status)}
    return web.json_response({"error": error}, status=status)


class OpenAI:
    def __init__(self, ears: Ears, mind: Mind) -> None:
        self._ears, self._mind = ears, mind
        self._limits = Limits()
        self.vendor = Vendor("openai", (OPERATION,))

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/v1/realtime", self._realtime),
            web.get("/control/limits", self._show_limits),
            web.post("/control/limits", self._set_limits),
            web.delete("/control/limits", self._no_limits),
        ]

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return refusal(401, "Missing bearer or basic authentication in header")
        self.vendor.asked(OPERATION, event="connecting", query=dict(request.query))
        if answer := await meet_handshake(self.vendor, OPERATION, request, refusal):
            return answer
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refusal(426, "This resource is a websocket.")
        limits = self._limits
        if limits.max_sessions is not None and limits.open_sessions >= limits.max_sessions:
            return refusal(429, "Too many concurrent sessions.")
        limits.open_sessions += 1
        try:
            socket = RealtimeSocket(self._ears, self._mind, self.vendor, limits, request)
            return await socket.run(wrong_key=key.strip() == WRONG_KEY)
        finally:
            limits.open_sessions -= 1

    async def _show_limits(self, _request: web.Request) -> web.Response:
        return web.json_response(self._limits.shown())

    async def _set_limits(self, request: web.Request) -> web.Response:
        try:
            self._limits.set(AskedLimits.model_validate_json(await request.read()))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            return web.json_response({"error": f"{place}: {first['msg']}"}, status=422)
        return web.json_response(self._limits.shown())

    async def _no_limits(self, _request: web.Request) -> web.Response:
        self._limits.set(AskedLimits())
        return web.json_response(self._limits.shown())
