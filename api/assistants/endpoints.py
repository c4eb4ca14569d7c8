from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from api.assistants.reading import AssistantReader
from api.assistants.schemas import AssistantCreate, AssistantList, AssistantRead, AssistantUpdate
from api.assistants.service import TenantAssistants, read_of, told_to_agents
from api.auth import Admin, Reader
from api.idempotency import REPLAYED, IdempotencyKey, asked, once
from api.pages import Cursor, Limit
from api.parts import FromParts
from store.assistants import Assistants
from store.errors import AssistantUnknown

router = APIRouter(prefix="/assistants", tags=["assistants"])


@router.post("", summary="Create an assistant", status_code=201, responses={409: {}})
async def create(
    body: AssistantCreate,
    parts: FromParts,
    principal: Admin,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> AssistantRead:
    request = asked(
        parts.settings.call_token_secret,
        principal.tenant_id,
        idempotency_key,
        "create-assistant",
        body,
    )
    async with parts.database.session() as session:
        assistants = TenantAssistants(session, parts, principal.tenant_id)
        assistant, replayed = await once(
            session, request, AssistantRead, lambda: assistants.create(body)
        )
    if replayed:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = f"{parts.settings.public_api_url}/assistants/{assistant.id}"
    return assistant


@router.get("", summary="Assistants, by id")
async def list_assistants(
    parts: FromParts, principal: Reader, limit: Limit = 50, cursor: Cursor = None
) -> AssistantList:
    async with parts.database.reader() as session:
        found = await Assistants(session).list(principal.tenant_id, limit, cursor)
    return AssistantList(
        items=[read_of(stored) for stored in found.items], next_cursor=found.next_cursor
    )


@router.get("/{assistant_id}", summary="One assistant")
async def get_assistant(
    assistant_id: str, parts: FromParts, reader: AssistantReader, response: Response
) -> AssistantRead:
    """Opens with an API key, and for a call's agents, while it lasts, with the token of that call:
    they alone are told the values of tools' headers."""
    async with parts.database.reader() as session:
        stored = await Assistants(session).get(reader.tenant_id, assistant_id)
    if stored is None:
        raise AssistantUnknown(assistant_id)
    if not reader.is_agent:
        return read_of(stored)
    response.headers["Cache-Control"] = "no-store"
    return told_to_agents(stored, parts.sealing)


@router.put("/{assistant_id}", summary="Replace an assistant")
async def replace(
    assistant_id: str, body: AssistantUpdate, parts: FromParts, principal: Admin
) -> AssistantRead:
    async with parts.database.session() as session:
        assistants = TenantAssistants(session, parts, principal.tenant_id)
        return await assistants.replace(assistant_id, body)


@router.patch("/{assistant_id}", summary="Change parts of an assistant")
async def change(
    assistant_id: str,
    body: Annotated[
        dict[str, Any],
        Body(description="RFC 7396 merge patch.", examples=[{"silence": {"reprompt_after": 8}}]),
    ],
    parts: FromParts,
    principal: Admin,
) -> AssistantRead:
    """Objects are merged, lists replaced; null gives a default back."""
    async with parts.database.session() as session:
        assistants = TenantAssistants(session, parts, principal.tenant_id)
        return await assistants.change(assistant_id, body)


@router.delete("/{assistant_id}", summary="Delete an assistant", status_code=204)
async def delete(assistant_id: str, parts: FromParts, principal: Admin) -> Response:
    """409 `assistant-in-use` while it answers a number."""
    async with parts.database.session() as session:
        await Assistants(session).delete(principal.tenant_id, assistant_id)
    return Response(status_code=204)
