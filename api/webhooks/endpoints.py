from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from api.auth import Admin, Reader
from api.idempotency import IdempotencyKey, asked
from api.pages import Cursor, Limit
from api.parts import FromParts
from api.webhooks.schemas import (
    Rotation,
    WebhookCreate,
    WebhookList,
    WebhookRead,
    WebhookWithSecret,
)
from api.webhooks.service import TenantWebhooks
from store.webhooks import Webhooks

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_NOT_KEPT = {"Cache-Control": "no-store"}


@router.post("", summary="Have events sent to an address", status_code=201, responses={409: {}})
async def create(
    body: WebhookCreate,
    parts: FromParts,
    principal: Admin,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> WebhookWithSecret:
    """The secret is shown in this answer and never again: a repeat with the same `Idempotency-Key`
    makes nothing and is answered 409 `webhook-secret-shown-once`."""
    request = asked(
        parts.settings.call_token_secret,
        principal.tenant_id,
        idempotency_key,
        "create-webhook",
        body,
    )
    async with parts.database.session() as session:
        made = await TenantWebhooks(session, parts, principal.tenant_id).create(request, body)
    response.headers.update(_NOT_KEPT)
    response.headers["Location"] = f"{parts.settings.public_api_url}/webhooks/{made.id}"
    return made


@router.get("", summary="Webhooks, by id")
async def list_webhooks(
    parts: FromParts, principal: Reader, limit: Limit = 50, cursor: Cursor = None
) -> WebhookList:
    async with parts.database.reader() as session:
        found = await Webhooks(session).list(principal.tenant_id, limit, cursor)
    items = [WebhookRead.model_validate(row) for row in found.items]
    return WebhookList(items=items, next_cursor=found.next_cursor)


@router.get("/{webhook_id}", summary="One webhook")
async def get_webhook(webhook_id: str, parts: FromParts, principal: Reader) -> WebhookRead:
    async with parts.database.reader() as session:
        return WebhookRead.model_validate(
            await Webhooks(session).get(principal.tenant_id, webhook_id)
        )


@router.patch("/{webhook_id}", summary="Change a webhook")
async def change(
    webhook_id: str,
    body: Annotated[
        dict[str, Any],
        Body(description="RFC 7396 merge patch.", examples=[{"enabled": False}]),
    ],
    parts: FromParts,
    principal: Admin,
) -> WebhookRead:
    """Holds for attempts from now on, also of events that are on their way."""
    async with parts.database.session() as session:
        return await TenantWebhooks(session, parts, principal.tenant_id).change(webhook_id, body)


@router.delete("/{webhook_id}", summary="Delete a webhook", status_code=204)
async def delete(webhook_id: str, parts: FromParts, principal: Admin) -> Response:
    """What is on its way to it is cancelled; its deliveries can still be read."""
    async with parts.database.session() as session:
        await TenantWebhooks(session, parts, principal.tenant_id).delete(webhook_id)
    return Response(status_code=204)


@router.post("/{webhook_id}/rotate", summary="Give a webhook another secret", responses={409: {}})
async def rotate(
    webhook_id: str,
    body: Rotation,
    parts: FromParts,
    principal: Admin,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> WebhookWithSecret:
    """For `overlap_seconds` events carry two signatures, of the new secret and of the one before.
    Shown once, as at its creation."""
    request = asked(
        parts.settings.call_token_secret,
        principal.tenant_id,
        idempotency_key,
        f"rotate-webhook {webhook_id}",
        body,
    )
    async with parts.database.session() as session:
        webhooks = TenantWebhooks(session, parts, principal.tenant_id)
        made = await webhooks.rotate(webhook_id, request, body)
    response.headers.update(_NOT_KEPT)
    return made
