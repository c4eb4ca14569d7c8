"""What was sent, what became of it, and once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Operator, Reader
from api.idempotency import REPLAYED, IdempotencyKey, asked, once
from api.pages import Cursor, Limit
from api.parts import FromParts
from api.webhooks.schemas import AttemptRead, DeliveryList, DeliveryRead
from contract.webhooks import DeliveryStatus
from store.webhook_deliveries import Deliveries, Delivery, DeliveryPage
from store.webhook_models import AttemptRow
from store.webhooks import Webhooks

router = APIRouter(tags=["webhooks"])

Status = Annotated[
    DeliveryStatus | None, Query(description="`dead`: the dead letters that nobody sent again.")
]
Named = Annotated[str | None, Query(max_length=64)]


@router.get("/webhooks/{webhook_id}/deliveries", summary="What a webhook was sent, newest first")
async def list_of_webhook(
    webhook_id: str,
    parts: FromParts,
    principal: Reader,
    status: Status = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryList:
    page = DeliveryPage(
        tenant_id=principal.tenant_id,
        webhook_id=webhook_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    async with parts.database.reader() as session:
        await Webhooks(session).get(principal.tenant_id, webhook_id)
        return await _list(session, page)


@router.get("/webhook_deliveries", summary="What all webhooks were sent, newest first")
async def list_all(
    parts: FromParts,
    principal: Reader,
    status: Status = None,
    webhook_id: Named = None,
    call_id: Named = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryList:
    """Also what deleted webhooks were sent."""
    page = DeliveryPage(
        tenant_id=principal.tenant_id,
        webhook_id=webhook_id,
        call_id=call_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    async with parts.database.reader() as session:
        return await _list(session, page)


@router.get("/webhook_deliveries/{delivery_id}", summary="One delivery")
async def get_delivery(delivery_id: str, parts: FromParts, principal: Reader) -> DeliveryRead:
    async with parts.database.reader() as session:
        found = await Deliveries(session).get(principal.tenant_id, delivery_id)
        return (await _read(session, [found]))[0]


@router.post(
    "/webhook_deliveries/{delivery_id}/redeliver",
    summary="Deliver an event again",
    status_code=202,
    responses={409: {}},
)
async def redeliver(
    delivery_id: str,
    parts: FromParts,
    principal: Operator,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> DeliveryRead:
    """A further delivery, with as many attempts, of the same event under the same `webhook-id`.

    409 `delivery-under-way`, `webhook-gone`, `webhook-disabled`.
    """
    request = asked(
        parts.settings.call_token_secret,
        principal.tenant_id,
        idempotency_key,
        f"redeliver {delivery_id}",
        None,
    )

    async def make() -> DeliveryRead:
        again = await Deliveries(session).redeliver(principal.tenant_id, delivery_id)
        return _read_of(again, [])

    # Accepted with this transaction: a worker hands it to Temporal within seconds.
    async with parts.database.session() as session:
        delivery, replayed = await once(session, request, DeliveryRead, make)
    if replayed:
        response.headers[REPLAYED] = "true"
    return delivery


async def _list(session: AsyncSession, page: DeliveryPage) -> DeliveryList:
    found = await Deliveries(session).page(page)
    return DeliveryList(items=await _read(session, found.items), next_cursor=found.next_cursor)


async def _read(session: AsyncSession, found: Sequence[Delivery]) -> list[DeliveryRead]:
    attempts = await Deliveries(session).attempts([one.row.id for one in found])
    return [_read_of(one, attempts[one.row.id]) for one in found]


def _read_of(delivery: Delivery, attempts: Sequence[AttemptRow]) -> DeliveryRead:
    row, event = delivery.row, delivery.event
    return DeliveryRead(
        id=row.id,
        webhook_id=row.webhook_id,
        event_id=event.id,
        event_type=event.type,
        call_id=event.call_id,
        status=delivery.status,
        detail=delivery.detail,
        number=row.number,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        ended_at=row.ended_at,
        attempts=[AttemptRead.model_validate(attempt) for attempt in attempts],
    )
