from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks, Response

from api.auth import Operator
from api.idempotency import REPLAYED, IdempotencyKey
from api.links import call_links
from api.parts import FromParts, Parts
from api.web_calls.room_token import room_token
from api.web_calls.schemas import WebCallRequest, WebCallToken
from api.web_calls.service import start_web_call
from contract.identity import CALLER_IDENTITY
from store.calls import Calls

router = APIRouter(tags=["web calls"])


@router.post(
    "/web_call/get_token",
    summary="Start a web call and get the token to join it",
    responses={404: {}},
)
async def get_token(
    body: WebCallRequest,
    parts: FromParts,
    principal: Operator,
    response: Response,
    background: BackgroundTasks,
    idempotency_key: IdempotencyKey = None,
) -> WebCallToken:
    """The room exists when this answers, and both agents are on their way."""
    started = await start_web_call(parts, principal, body, idempotency_key)
    if started.replayed:
        response.headers[REPLAYED] = "true"
    if started.room_sid is not None:
        # After the answer: without a key there is no replay that would read it.
        background.add_task(_remember_room, parts, started.call_id, started.room_sid)
    return WebCallToken(
        call_id=started.call_id,
        room_name=started.room_name,
        token=room_token(parts.settings, started.room_name, body.participant_name),
        url=parts.settings.livekit_public_url,
        participant_identity=CALLER_IDENTITY,
        links=call_links(parts.settings, started.call_id, started.room_name),
    )


async def _remember_room(parts: Parts, call_id: str, room_sid: str) -> None:
    async with parts.database.session() as session:
        await Calls(session).set_room_sid(call_id, room_sid)
