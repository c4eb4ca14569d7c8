from __future__ import annotations

from fastapi import APIRouter, Response

from api.auth import Operator
from api.idempotency import REPLAYED, IdempotencyKey
from api.links import call_links
from api.outbound_calls.schemas import OutboundCallRequest, OutboundCallStarted
from api.outbound_calls.service import start_outbound_call
from api.parts import FromParts

router = APIRouter(tags=["outbound calls"])


@router.post(
    "/call/outbound",
    summary="Call a telephone",
    status_code=202,
    responses={404: {}, 409: {}},
)
async def call_outbound(
    body: OutboundCallRequest,
    parts: FromParts,
    principal: Operator,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> OutboundCallStarted:
    """Durably accepted when this answers; the call goes on by itself, through whatever is
    restarted meanwhile, and nobody is ever called twice for it.

    404 `assistant-not-found`, `trunk-not-found`; 409 `trunk-disabled`; 422
    `no-from-number`, `from-number-not-allowed`, `country-not-allowed`.
    """
    started = await start_outbound_call(parts, principal, body, idempotency_key)
    if started.replayed:
        response.headers[REPLAYED] = "true"
    return OutboundCallStarted(
        call_id=started.call_id,
        room_name=started.room_name,
        links=call_links(parts.settings, started.call_id, started.room_name),
    )
