"""Assistants of a tenant."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.assistants.schemas import AssistantCreate, AssistantRead, AssistantUpdate
from store.assistants import Assistants, StoredAssistant
from store.errors import AssistantExists, AssistantUnknown, IdempotencyKeyReused


async def create_assistant(
    session: AsyncSession, tenant_id: str, body: AssistantCreate, key: str | None
) -> tuple[StoredAssistant, bool]:
    """The assistant, and whether this repeats an earlier request.

    Raises AssistantExists, IdempotencyKeyReused.
    """
    assistant_id = body.id or _made_up_id(tenant_id, key)
    config = body.model_dump(mode="json") | {"id": assistant_id}
    assistants = Assistants(session)
    known = await assistants.get(tenant_id, assistant_id) if key is not None else None
    if known is None:
        return await assistants.create(tenant_id, assistant_id, config), False
    if known.config == config:
        return known, True
    if body.id is not None:
        raise AssistantExists(assistant_id)
    raise IdempotencyKeyReused


async def change_assistant(
    session: AsyncSession, tenant_id: str, assistant_id: str, changes: dict[str, Any]
) -> StoredAssistant:
    """RFC 7396: objects are merged, everything else is replaced, null gives the default back.

    Raises AssistantUnknown, RequestValidationError.
    """
    assistants = Assistants(session)
    known = await assistants.get(tenant_id, assistant_id)
    if known is None:
        raise AssistantUnknown(assistant_id)
    merged = _merge({k: v for k, v in known.config.items() if k != "id"}, changes)
    try:
        checked = AssistantUpdate.model_validate(merged)
    except ValidationError as wrong:
        faults = [fault | {"loc": ("body", *fault["loc"])} for fault in wrong.errors()]
        raise RequestValidationError(faults) from None
    config = checked.model_dump(mode="json") | {"id": assistant_id}
    return await assistants.update(tenant_id, assistant_id, config)


def read_of(stored: StoredAssistant) -> AssistantRead:
    times = {"created_at": stored.created_at, "updated_at": stored.updated_at}
    return AssistantRead.model_validate(stored.config | times)


def _made_up_id(tenant_id: str, key: str | None) -> str:
    if key is None:
        return f"asst_{secrets.token_hex(8)}"
    digest = hashlib.sha256(f"{tenant_id}\0{key}".encode()).hexdigest()
    return f"asst_{digest[:16]}"


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, change in changes.items():
        if change is None:
            merged.pop(name, None)
        elif isinstance(change, dict) and isinstance(merged.get(name), dict):
            merged[name] = _merge(merged[name], change)
        else:
            merged[name] = change
    return merged
