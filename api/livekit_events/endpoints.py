from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Header, Request, Response

from api.livekit_events.service import LiveKitEvents
from api.livekit_events.verification import WebhookVerifier
from api.parts import FromParts, Parts

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
    event = _verifier(parts).read(body, authorization)
    events = LiveKitEvents(parts)
    reopened = await events.take(event)
    if reopened is not None:
        background.add_task(events.close_room, reopened)
    return Response(status_code=200, background=background)


async def check_sender(request: Request) -> None:
    """For before a large body is read. Raises Unauthorised."""
    _verifier(request.app.state.parts).check_sender(request.headers.get("authorization"))


def _verifier(parts: Parts) -> WebhookVerifier:
    settings = parts.settings
    return WebhookVerifier(settings.livekit_api_key, settings.livekit_api_secret)
