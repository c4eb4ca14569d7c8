"""Assistants, their configuration kept as the API checked it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contract.identity import DEFAULT_TENANT
from contract.media import CallMedia, media_of
from store.cursors import Page, cursor_of, page_of, parts_of
from store.errors import AssistantExists, AssistantInUse, AssistantUnknown
from store.first_write import insert_if_absent
from store.locks import CHANGE_LOCK
from store.models import AssistantRow, NumberRow

# Of assistants that were written before each had its own limit.
_USUAL_MAX_HOLD_SECONDS = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAssistant:
    """`config` has the fields of `contract.assistants.Assistant`, as JSON, without the values of
    tools' headers. `sealed_headers` has those: opened by who has the payload keys (engine.sealing),
    never here. None: written before there was such a place, so they may stand in `config`."""

    id: str
    tenant_id: str
    config: dict[str, Any]
    sealed_headers: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def language(self) -> str:
        return str(self.config["language"])

    @property
    def record(self) -> bool:
        return bool(self.config["record"])

    @property
    def transcribe(self) -> bool:
        return bool(self.config.get("transcribe", False))

    @property
    def max_duration_seconds(self) -> float:
        return float(self.config["max_duration_seconds"])

    @property
    def max_hold_seconds(self) -> float:
        return float(self.config.get("max_hold_seconds", _USUAL_MAX_HOLD_SECONDS))

    def media(self, assets_url: str) -> CallMedia:
        return media_of(assets_url, self.config)


class Assistants:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self, tenant_id: str, assistant_id: str, config: dict[str, Any], sealed_headers: str = ""
    ) -> StoredAssistant:
        """Raises AssistantExists. Other tenants' ids are not in the way."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "id": assistant_id,
            "tenant_id": tenant_id,
            "config": config,
            "sealed_headers": sealed_headers,
            "created_at": now,
            "updated_at": now,
        }
        if not await insert_if_absent(self._session, AssistantRow, values):
            raise AssistantExists(assistant_id)
        return StoredAssistant(**values)

    async def get(
        self, tenant_id: str, assistant_id: str, *, for_update: bool = False
    ) -> StoredAssistant | None:
        lock = CHANGE_LOCK if for_update else None
        row = await self._session.get(AssistantRow, (tenant_id, assistant_id), with_for_update=lock)
        return _stored(row) if row is not None else None

    async def find(self, assistant_id: str) -> StoredAssistant | None:
        """Across tenants: for a room that others made, which names its assistant by id alone.

        The default tenant's comes first, then the oldest: whoever takes up an id later takes
        nobody's calls with it.
        """
        if "\0" in assistant_id:  # PostgreSQL would not even look for it
            return None
        found = select(AssistantRow).where(AssistantRow.id == assistant_id)
        is_foreign = case((AssistantRow.tenant_id == DEFAULT_TENANT, 0), else_=1)
        oldest = found.order_by(is_foreign, AssistantRow.created_at, AssistantRow.tenant_id)
        row = (await self._session.scalars(oldest.limit(1))).one_or_none()
        return _stored(row) if row is not None else None

    async def list(
        self, tenant_id: str, limit: int = 50, cursor: str | None = None
    ) -> AssistantsFound:
        """By id. Raises BadCursor."""
        found = select(AssistantRow).where(AssistantRow.tenant_id == tenant_id)
        if cursor is not None:
            found = found.where(AssistantRow.id > parts_of(cursor, 1)[0])
        rows = await self._session.scalars(found.order_by(AssistantRow.id).limit(limit + 1))
        return page_of([_stored(row) for row in rows], limit, lambda last: cursor_of(last.id))

    async def update(
        self, tenant_id: str, assistant_id: str, config: dict[str, Any], sealed_headers: str
    ) -> StoredAssistant:
        """Raises AssistantUnknown."""
        row = await self._row(tenant_id, assistant_id)
        row.config = config
        row.sealed_headers = sealed_headers
        row.updated_at = datetime.now(UTC)
        return _stored(row)

    async def with_headers(self) -> Sequence[StoredAssistant]:
        """Those whose tools send headers, or may: across tenants, and held until the transaction
        ends."""
        may = or_(AssistantRow.sealed_headers.is_(None), AssistantRow.sealed_headers != "")
        # In one order: of two processes that seal anew at once, one waits for the other.
        found = select(AssistantRow).where(may).order_by(AssistantRow.tenant_id, AssistantRow.id)
        rows = await self._session.scalars(found.with_for_update(key_share=True))
        return [_stored(row) for row in rows]

    async def reseal(
        self,
        tenant_id: str,
        assistant_id: str,
        config: dict[str, Any],
        sealed_headers: str | None,
    ) -> None:
        """The same headers, kept in another way: for whoever uses the assistant nothing changes.
        Raises AssistantUnknown."""
        row = await self._row(tenant_id, assistant_id)
        row.config = config
        row.sealed_headers = sealed_headers

    async def delete(self, tenant_id: str, assistant_id: str) -> None:
        """Calls keep the id they were made with. Raises AssistantUnknown, AssistantInUse."""
        row = await self._row(tenant_id, assistant_id)
        try:
            async with self._session.begin_nested():
                await self._session.delete(row)
        except IntegrityError:
            used = select(NumberRow.number).where(
                NumberRow.tenant_id == tenant_id, NumberRow.assistant_id == assistant_id
            )
            number = await self._session.scalar(used.order_by(NumberRow.number).limit(1))
            raise AssistantInUse(assistant_id, number or "") from None

    async def count(self) -> int:
        return await self._session.scalar(select(func.count()).select_from(AssistantRow)) or 0

    async def _row(self, tenant_id: str, assistant_id: str) -> AssistantRow:
        row = await self._session.get(
            AssistantRow, (tenant_id, assistant_id), with_for_update=CHANGE_LOCK
        )
        if row is None:
            raise AssistantUnknown(assistant_id)
        return row


def headers_place(tenant_id: str, assistant_id: str) -> str:
    """What an assistant's headers are sealed for: moved to another one, they do not open."""
    return f"tool-headers/{tenant_id}/{assistant_id}"


AssistantsFound = Page[StoredAssistant]


def _stored(row: AssistantRow) -> StoredAssistant:
    return StoredAssistant(
        id=row.id,
        tenant_id=row.tenant_id,
        config=row.config,
        sealed_headers=row.sealed_headers,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
