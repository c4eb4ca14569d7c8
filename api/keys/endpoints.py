from __future__ import annotations

from fastapi import APIRouter, Response

from api.auth import Admin
from api.idempotency import IdempotencyKey, asked
from api.keys.schemas import KeyCreate, KeyCreated, KeyList, KeyRead
from api.keys.service import create_key
from api.pages import Cursor, Limit
from api.parts import FromParts
from store.api_keys import ApiKeys

router = APIRouter(prefix="/keys", tags=["keys"])


@router.post("", summary="Make an API key", status_code=201)
async def create(
    body: KeyCreate,
    parts: FromParts,
    principal: Admin,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> KeyCreated:
    """The key is shown in this answer and never again: a repeat with the same `Idempotency-Key`
    makes no second key and is answered 409 `key-shown-once`, naming the first one's id."""
    request = asked(
        parts.settings.call_token_secret, principal.tenant_id, idempotency_key, "create-key", body
    )
    async with parts.database.session() as session:
        created = await create_key(session, request, body)
    response.headers["Cache-Control"] = "no-store"
    return created


@router.get("", summary="API keys, newest first")
async def list_keys(
    parts: FromParts, principal: Admin, limit: Limit = 50, cursor: Cursor = None
) -> KeyList:
    """Without the keys themselves; also those that are revoked or expired."""
    async with parts.database.reader() as session:
        found = await ApiKeys(session).list(principal.tenant_id, limit, cursor)
    items = [KeyRead.model_validate(stored) for stored in found.items]
    return KeyList(items=items, next_cursor=found.next_cursor)


@router.delete("/{key_id}", summary="Revoke an API key", status_code=204)
async def revoke(key_id: str, parts: FromParts, principal: Admin) -> Response:
    """It opens nothing from the next request on. A repeat changes nothing. 409 `last-admin-key`
    for the last valid admin key, and for the last one that does not expire: an admin key with
    `expires_at` counts only while there is no other."""
    async with parts.database.session() as session:
        await ApiKeys(session).revoke_by_id(principal.tenant_id, key_id)
    return Response(status_code=204)
