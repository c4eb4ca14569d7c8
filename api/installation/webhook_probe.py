"""Do LiveKit's webhooks reach an API of ours, whichever replica that is?"""

from __future__ import annotations

import structlog
from livekit import api

from api.installation.probe_room import LIVEKIT_TROUBLE, ask_through_room
from api.installation.schemas import ProbedPart
from api.parts import Parts
from contract.probes import ProbeAnswer, is_probe_room

_SUBJECT = "webhook"

log = structlog.get_logger()


async def probe_webhooks(parts: Parts) -> ProbedPart:
    try:
        answer = await ask_through_room(parts.livekit, _SUBJECT)
    except LIVEKIT_TROUBLE as trouble:
        detail = f"LiveKit could not be asked ({type(trouble).__name__})."
        return ProbedPart(name="livekit_webhooks", ok=False, detail=detail)
    if answer is None:
        detail = (
            "A room was opened and no webhook told of it: LiveKit's `webhook.urls` must name this "
            "API's /livekit/webhook, signed with the API's LIVEKIT_API_KEY."
        )
        return ProbedPart(name="livekit_webhooks", ok=False, detail=detail)
    return ProbedPart(name="livekit_webhooks", ok=True)


def is_webhook_probe(room: str) -> bool:
    return is_probe_room(room, _SUBJECT)


async def answer_webhook_probe(parts: Parts, room: str) -> None:
    """Only a verified webhook comes here."""
    try:
        await parts.livekit.room.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=room, metadata=ProbeAnswer().to_json())
        )
    except LIVEKIT_TROUBLE as trouble:  # the room is gone already, or LiveKit is
        log.info("webhook_probe_not_answered", error=type(trouble).__name__)
