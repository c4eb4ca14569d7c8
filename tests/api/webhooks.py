"""LiveKit's webhooks, signed as LiveKit signs them."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

import httpx2
import jwt
from google.protobuf.json_format import MessageToJson
from livekit.protocol.models import ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from api.settings import ApiSettings
from tests.api.service import Service


def event(
    name: str,
    room: str,
    *,
    identity: str = "caller",
    kind: ParticipantInfo.Kind.ValueType = ParticipantInfo.Kind.STANDARD,
    event_id: str = "EV_1",
    room_sid: str = "RM_1",
    metadata: str = "",
) -> WebhookEvent:
    now = int(time.time())
    return WebhookEvent(
        event=name,
        id=event_id,
        created_at=now,
        room=Room(name=room, sid=room_sid, metadata=metadata),
        participant=ParticipantInfo(
            identity=identity, sid=f"PA_{identity}", kind=kind, joined_at=now
        ),
    )


def signed(settings: ApiSettings, body: bytes, **changes: Any) -> dict[str, str]:
    """The Authorization header; a claim that is changed to None is left out."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": settings.livekit_api_key,
        "nbf": now,
        "exp": now + 300,
        "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    secret = changes.pop("secret", settings.livekit_api_secret)
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return {"Authorization": jwt.encode(claims, secret, algorithm="HS256")}


async def deliver(service: Service, told: WebhookEvent) -> httpx2.Response:
    body = MessageToJson(told).encode()
    headers = signed(service.parts.settings, body) | {"Content-Type": "application/webhook+json"}
    return await service.client.post("/livekit/webhook", content=body, headers=headers)
