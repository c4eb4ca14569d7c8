"""Webhooks written by the test: genuine ones, and every kind of forgery."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

import jwt
from google.protobuf.json_format import MessageToJson
from livekit.protocol.models import ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from sandbox.stack import StackDescription
from tests.e2e.faults.wire import Letter

_VALID_SECONDS = 300


def told(event: str, room: str, event_id: str = "EV_test") -> bytes:
    now = int(time.time())
    told = WebhookEvent(
        event=event,
        id=event_id,
        created_at=now,
        room=Room(name=room, sid="RM_test"),
        participant=ParticipantInfo(identity="caller", sid="PA_test", joined_at=now),
    )
    return MessageToJson(told).encode()


def forged(stack: StackDescription, how: str, body: bytes) -> Letter:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": stack.livekit_api_key,
        "nbf": now,
        "exp": now + _VALID_SECONDS,
        "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    secret = stack.livekit_api_secret
    match how:
        case "genuine":
            pass
        case "unsigned":
            return Letter(body, {})
        case "garbage_token":
            return Letter(body, {"Authorization": "Bearer not.a.token"})
        case "too_old":  # a genuine one, caught and sent again after more than five minutes
            claims |= {"nbf": now - 2 * _VALID_SECONDS, "exp": now - _VALID_SECONDS + 280}
        case "wrong_key":
            secret = "x" * len(secret)
        case "body_swapped":
            body = body.replace(b"lobby-forged", b"lobby-swapped")
        case "no_digest":
            del claims["sha256"]
        case _:
            raise ValueError(f"No such forgery: {how}.")
    token = jwt.encode(claims, secret, algorithm="HS256")
    return Letter(body, {"Authorization": token, "Content-Type": "application/webhook+json"})
