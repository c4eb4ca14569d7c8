from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from api.auth import Admin, Reader
from api.idempotency import REPLAYED, IdempotencyKey, asked, once
from api.pages import Cursor, Limit
from api.parts import FromParts
from api.trunks.schemas import TrunkCreate, TrunkList, TrunkRead, TrunkUpdate
from api.trunks.service import TenantTrunks, read_of
from store.errors import TrunkUnknown
from store.trunks import Trunks

router = APIRouter(prefix="/trunks", tags=["trunks"])


@router.post("", summary="Create a trunk", status_code=201)
async def create(
    body: TrunkCreate,
    parts: FromParts,
    principal: Admin,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> TrunkRead:
    request = asked(
        parts.settings.call_token_secret,
        principal.tenant_id,
        idempotency_key,
        "create-trunk",
        body,
    )
    async with parts.database.session() as session:
        trunks = TenantTrunks(session, parts.sealing, principal.tenant_id)
        trunk, replayed = await once(session, request, TrunkRead, lambda: trunks.create(body))
    if replayed:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = f"{parts.settings.public_api_url}/trunks/{trunk.id}"
    return trunk


@router.get("", summary="Trunks, by id")
async def list_trunks(
    parts: FromParts, principal: Reader, limit: Limit = 50, cursor: Cursor = None
) -> TrunkList:
    async with parts.database.reader() as session:
        found = await Trunks(session).list(principal.tenant_id, limit, cursor)
    return TrunkList(
        items=[read_of(stored) for stored in found.items], next_cursor=found.next_cursor
    )


@router.get("/{trunk_id}", summary="One trunk")
async def get_trunk(trunk_id: str, parts: FromParts, principal: Reader) -> TrunkRead:
    async with parts.database.reader() as session:
        stored = await Trunks(session).get(principal.tenant_id, trunk_id)
    if stored is None:
        raise TrunkUnknown(trunk_id)
    return read_of(stored)


@router.put("/{trunk_id}", summary="Replace a trunk")
async def replace(
    trunk_id: str, body: TrunkUpdate, parts: FromParts, principal: Admin
) -> TrunkRead:
    """A trunk with `auth` needs its password again; PATCH keeps it."""
    async with parts.database.session() as session:
        trunks = TenantTrunks(session, parts.sealing, principal.tenant_id)
        return await trunks.replace(trunk_id, body)


@router.patch("/{trunk_id}", summary="Change parts of a trunk")
async def change(
    trunk_id: str,
    body: Annotated[
        dict[str, Any],
        Body(description="RFC 7396 merge patch.", examples=[{"enabled": False}]),
    ],
    parts: FromParts,
    principal: Admin,
) -> TrunkRead:
    """Objects are merged, lists replaced; null gives the preset's value or the default back."""
    async with parts.database.session() as session:
        trunks = TenantTrunks(session, parts.sealing, principal.tenant_id)
        return await trunks.change(trunk_id, body)


@router.delete("/{trunk_id}", summary="Delete a trunk", status_code=204)
async def delete(trunk_id: str, parts: FromParts, principal: Admin) -> Response:
    """409 `trunk-in-use` while a number's calls come through it."""
    async with parts.database.session() as session:
        await Trunks(session).delete(principal.tenant_id, trunk_id)
    return Response(status_code=204)
