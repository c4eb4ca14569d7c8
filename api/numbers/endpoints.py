from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from api.auth import Admin, Reader
from api.idempotency import REPLAYED, IdempotencyKey, asked, once
from api.numbers.schemas import NumberCreate, NumberList, NumberRead, NumberUpdate
from api.numbers.service import change_number, create_number, read_of, replace_number
from api.pages import Cursor, Limit
from api.parts import FromParts
from store.errors import NumberUnknown
from store.numbers import Numbers

router = APIRouter(prefix="/numbers", tags=["numbers"])


@router.post("", summary="Have an assistant answer a number", status_code=201)
async def create(
    body: NumberCreate,
    parts: FromParts,
    principal: Admin,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> NumberRead:
    """A number is one tenant's at a time: 409 `number-taken`, whoever has it."""
    request = asked(
        parts.settings.call_token_secret,
        principal.tenant_id,
        idempotency_key,
        "create-number",
        body,
    )
    async with parts.database.session() as session:
        number, replayed = await once(
            session, request, NumberRead, lambda: create_number(session, principal.tenant_id, body)
        )
    if replayed:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = f"{parts.settings.public_api_url}/numbers/{number.number}"
    return number


@router.get("", summary="Numbers, in order")
async def list_numbers(
    parts: FromParts,
    principal: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
    assistant_id: Annotated[str | None, Query(max_length=64)] = None,
) -> NumberList:
    async with parts.database.reader() as session:
        found = await Numbers(session).list(principal.tenant_id, limit, cursor, assistant_id)
    return NumberList(
        items=[read_of(stored) for stored in found.items], next_cursor=found.next_cursor
    )


@router.get("/{number}", summary="One number")
async def get_number(number: str, parts: FromParts, principal: Reader) -> NumberRead:
    async with parts.database.reader() as session:
        stored = await Numbers(session).get(principal.tenant_id, number)
    if stored is None:
        raise NumberUnknown(number)
    return read_of(stored)


@router.put("/{number}", summary="Route a number anew")
async def replace(
    number: str, body: NumberUpdate, parts: FromParts, principal: Admin
) -> NumberRead:
    async with parts.database.session() as session:
        return await replace_number(session, principal.tenant_id, number, body)


@router.patch("/{number}", summary="Change parts of a number's route")
async def change(
    number: str,
    body: Annotated[
        dict[str, Any],
        Body(description="RFC 7396 merge patch.", examples=[{"enabled": False}]),
    ],
    parts: FromParts,
    principal: Admin,
) -> NumberRead:
    async with parts.database.session() as session:
        return await change_number(session, principal.tenant_id, number, body)


@router.delete("/{number}", summary="Give a number up", status_code=204)
async def delete(number: str, parts: FromParts, principal: Admin) -> Response:
    async with parts.database.session() as session:
        await Numbers(session).delete(principal.tenant_id, number)
    return Response(status_code=204)
