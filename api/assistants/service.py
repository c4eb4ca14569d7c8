"""Assistants of a tenant."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.assistants.schemas import AssistantCreate, AssistantRead, AssistantUpdate
from api.merge_patch import patched
from store.assistants import Assistants, StoredAssistant
from store.errors import AssistantUnknown


async def create_assistant(
    session: AsyncSession, tenant_id: str, body: AssistantCreate
) -> AssistantRead:
    """Raises AssistantExists."""
    assistant_id = body.id or f"asst_{secrets.token_hex(8)}"
    config = body.model_dump(mode="json") | {"id": assistant_id}
    return read_of(await Assistants(session).create(tenant_id, assistant_id, config))


async def change_assistant(
    session: AsyncSession, tenant_id: str, assistant_id: str, changes: dict[str, Any]
) -> StoredAssistant:
    """Raises AssistantUnknown, RequestValidationError."""
    assistants = Assistants(session)
    known = await assistants.get(tenant_id, assistant_id, for_update=True)
    if known is None:
        raise AssistantUnknown(assistant_id)
    base = {name: value for name, value in known.config.items() if name != "id"}
    checked = patched(AssistantUpdate, base, changes)
    config = checked.model_dump(mode="json") | {"id": assistant_id}
    return await assistants.update(tenant_id, assistant_id, config)


def read_of(stored: StoredAssistant) -> AssistantRead:
    times = {"created_at": stored.created_at, "updated_at": stored.updated_at}
    return AssistantRead.model_validate(stored.config | times)
