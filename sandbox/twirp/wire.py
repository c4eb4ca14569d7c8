"""Twirp as LiveKit speaks it: bodies in protobuf or JSON, errors in JSON, tokens with grants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import jwt
from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit import api
from livekit.api.access_token import Claims

PROTOBUF = "application/protobuf"
JSON = "application/json"
_STATUS = {
    "canceled": 408,
    "unknown": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "deadline_exceeded": 408,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "unauthenticated": 401,
    "resource_exhausted": 429,
    "failed_precondition": 412,
    "aborted": 409,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
}
_CODE_OF_STATUS = {
    400: "invalid_argument",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    408: "deadline_exceeded",
    412: "failed_precondition",
    429: "resource_exhausted",
    501: "unimplemented",
    503: "unavailable",
}

M = TypeVar("M", bound=Message)
Allowed = Callable[[Claims], bool]


class TwirpError(Exception):
    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.metadata = dict(metadata or {})
        self.status = status or _STATUS[code]

    @classmethod
    def of_status(cls, status: int) -> TwirpError:
        """What a fault told us to answer; 503 with the words that LiveKit has for a service
        that is missing."""
        code = _CODE_OF_STATUS.get(status, "internal" if status >= 500 else "unknown")
        words = "no response from servers" if status == 503 else f"injected status {status}"
        return cls(code, f"twirp error unknown: {words}", status=status)

    def response(self) -> web.Response:
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.metadata:
            body["meta"] = self.metadata
        return web.json_response(body, status=self.status)


def content_type_of(request: web.Request) -> str:
    if request.content_type in (PROTOBUF, JSON):
        return request.content_type
    raise TwirpError("bad_route", f'unexpected Content-Type: "{request.content_type}"')


async def read_message(request: web.Request, message: M) -> M:
    body = await request.read()
    try:
        if content_type_of(request) == PROTOBUF:
            message.ParseFromString(body)
        else:
            json_format.Parse(body or b"{}", message, ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError):
        raise TwirpError("malformed", "the request could not be decoded") from None
    return message


def respond(message: Message, content_type: str) -> web.Response:
    if content_type == PROTOBUF:
        return web.Response(body=message.SerializeToString(), content_type=PROTOBUF)
    # Twirp's Go server writes original field names and the defaults too.
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return web.Response(text=text, content_type=JSON)


def video(allowed: Callable[[api.VideoGrants], bool | None]) -> Allowed:
    """By what the token allows in rooms."""
    return lambda claims: claims.video is not None and bool(allowed(claims.video))


def check_grant(
    request: web.Request, verifier: api.TokenVerifier, allowed: Allowed
) -> web.Response | None:
    """None when the token's grants allow it. LiveKit answers a bad token in plain text, a missing
    grant as a Twirp error that is `unauthenticated`, not `permission_denied`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        return web.Response(
            status=401, text="invalid authorization header. Must start with Bearer \n"
        )
    try:
        claims = verifier.verify(token.strip())
    except jwt.PyJWTError as wrong:
        return web.Response(status=401, text=f"invalid token, error: {wrong}\n")
    if not allowed(claims):
        return TwirpError("unauthenticated", "permissions denied").response()
    return None
