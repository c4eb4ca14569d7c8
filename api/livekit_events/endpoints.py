from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Header, Request, Response

from api.livekit_events.service import LiveKitEvents
from api.livekit_events.verification import WebhookVerifier
from api.parts import FromParts

router = APIRouter(tags=["livekit"])


@router.post("/livekit/webhook", summary="LiveKit's webhooks", status_code=200)
async def livekit_webhook(
    request: Request,
    parts: FromParts,
    background: BackgroundTasks,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Verified on the raw bytes. 503 makes LiveKit tell it again; 4xx would lose the event."""
    body = await request.body()
    settings = parts.settings
    verifier = WebhookVerifier(settings.livekit_api_key, settings.livekit_api_secret)
    event = verifier.read(body, authorization)
    events = LiveKitEvents(parts)
    reopened = await events.take(event)
    if reopened is not None:
        background.add_task(events.close_room, reopened)
    return Response(status_code=200, background=background)
