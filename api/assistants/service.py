"""Assistants of a tenant; what their tools send in headers reaches the store sealed."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api.assistants.http_tool import HttpTool
from api.assistants.schemas import AssistantCreate, AssistantRead, AssistantUpdate
from api.assistants.tool_headers import (
    HIDDEN,
    Values,
    open_values,
    origin_of,
    seal_values,
    tools_of,
    with_headers,
)
from api.merge_patch import patched
from api.parts import Parts
from api.problems import wrong_field
from api.sealed_secrets import NoPayloadKeys
from engine.sealing import Sealing
from store.assistants import Assistants, StoredAssistant
from store.errors import AssistantUnknown

log = structlog.get_logger()


class TenantAssistants:
    """One tenant's assistants within one transaction."""

    def __init__(self, session: AsyncSession, parts: Parts, tenant_id: str) -> None:
        self._assistants = Assistants(session)
        self._sealing = parts.sealing
        self._targets = parts.settings.tool_targets
        self._tenant_id = tenant_id

    async def create(self, body: AssistantCreate) -> AssistantRead:
        """Raises AssistantExists, NoPayloadKeys, RequestValidationError."""
        assistant_id = body.id or f"asst_{secrets.token_hex(8)}"
        config, sealed = self._settled(assistant_id, body, None)
        return read_of(await self._assistants.create(self._tenant_id, assistant_id, config, sealed))

    async def replace(self, assistant_id: str, body: AssistantUpdate) -> AssistantRead:
        """Raises AssistantUnknown, NoPayloadKeys, RequestValidationError."""
        return await self._write(await self._known(assistant_id), body)

    async def change(self, assistant_id: str, changes: dict[str, Any]) -> AssistantRead:
        """Raises as `replace` does."""
        known = await self._known(assistant_id)
        hidden = with_headers(known.config, None)
        base = {name: value for name, value in hidden.items() if name != "id"}
        return await self._write(known, patched(AssistantUpdate, base, changes))

    async def _write(self, known: StoredAssistant, body: AssistantUpdate) -> AssistantRead:
        config, sealed = self._settled(known.id, body, known)
        return read_of(await self._assistants.update(self._tenant_id, known.id, config, sealed))

    async def _known(self, assistant_id: str) -> StoredAssistant:
        known = await self._assistants.get(self._tenant_id, assistant_id, for_update=True)
        if known is None:
            raise AssistantUnknown(assistant_id)
        return known

    def _settled(
        self, assistant_id: str, body: AssistantUpdate, known: StoredAssistant | None
    ) -> tuple[dict[str, Any], str]:
        """What is kept in clear, and what is sealed."""
        values: Values = {}
        for place, tool in enumerate(body.tools.http):
            if not self._targets.allow_host(tool.host):
                raise wrong_field(
                    ("tools", "http", place, "url"),
                    "must not lead to a private address; TOOL_PRIVATE_NETWORKS names exceptions",
                    "value_error",
                )
            if tool.headers:
                values[tool.name] = self._values(place, tool, known)
        config = body.model_dump(mode="json") | {"id": assistant_id}
        return with_headers(config, None), self._sealed(assistant_id, values)

    def _sealed(self, assistant_id: str, values: Values) -> str:
        if not values:
            return ""
        if self._sealing is None:
            raise NoPayloadKeys("The values of a tool's headers are", "the tool without `headers`")
        return seal_values(self._sealing, self._tenant_id, assistant_id, values)

    def _values(self, place: int, tool: HttpTool, known: StoredAssistant | None) -> dict[str, str]:
        kept = _kept(self._sealing, known, tool) if HIDDEN in tool.headers.values() else {}
        values = {}
        for name, text in tool.headers.items():
            value = kept.get(name) if text == HIDDEN else text
            if value is None:
                raise wrong_field(
                    ("tools", "http", place, "headers", name),
                    f"{HIDDEN} keeps the value of a tool that has the same name and asks the same "
                    "server, and here is none; write it",
                    "value_error",
                )
            values[name] = value
        return values


def _kept(sealing: Sealing | None, known: StoredAssistant | None, tool: HttpTool) -> dict[str, str]:
    if known is None:
        return {}
    before = [one for one in tools_of(known.config) if one["name"] == tool.name]
    # Else whoever may write assistants could have a value sent to himself, which none may read.
    if not before or origin_of(before[0]["url"]) != origin_of(tool.url):
        return {}
    return _opened(sealing, known).get(tool.name, {})


def _opened(sealing: Sealing | None, stored: StoredAssistant) -> Values:
    try:
        return open_values(sealing, stored)
    except ValueError as error:
        log.error("tool_headers_do_not_open", assistant_id=stored.id, detail=str(error))
        return {}


def read_of(stored: StoredAssistant) -> AssistantRead:
    return _read(stored, with_headers(stored.config, None))


def told_to_agents(stored: StoredAssistant, sealing: Sealing | None) -> AssistantRead:
    """With what its tools send. Without those headers that do not open: what asks without them is
    told so by its service, and the call goes on."""
    return _read(stored, with_headers(stored.config, _opened(sealing, stored)))


def _read(stored: StoredAssistant, config: dict[str, Any]) -> AssistantRead:
    times = {"created_at": stored.created_at, "updated_at": stored.updated_at}
    return AssistantRead.model_validate(config | times)
