"""Assistants, their configuration kept as the API checked it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from store.errors import AssistantExists, AssistantUnknown
from store.first_write import insert_if_absent
from store.models import AssistantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAssistant:
    """`config` has the fields of `contract.assistants.Assistant`, as JSON."""

    id: str
    tenant_id: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @property
    def language(self) -> str:
        return str(self.config["language"])

    @property
    def record(self) -> bool:
        return bool(self.config["record"])

    @property
    def max_duration_seconds(self) -> float:
        return float(self.config["max_duration_seconds"])


class Assistants:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self, tenant_id: str, assistant_id: str, config: dict[str, Any]
    ) -> StoredAssistant:
        """Raises AssistantExists, also when another tenant has this id."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "id": assistant_id,
            "tenant_id": tenant_id,
            "config": config,
            "created_at": now,
            "updated_at": now,
        }
        if not await insert_if_absent(self._session, AssistantRow, values):
            raise AssistantExists(assistant_id)
        return StoredAssistant(**values)

    async def get(self, tenant_id: str, assistant_id: str) -> StoredAssistant | None:
        row = await self._row(tenant_id, assistant_id)
        return _stored(row) if row is not None else None

    async def find(self, assistant_id: str) -> StoredAssistant | None:
        """Across tenants: for a call that knows its assistant by id only."""
        row = await self._session.get(AssistantRow, assistant_id)
        return _stored(row) if row is not None else None

    async def list(self, tenant_id: str) -> list[StoredAssistant]:
        found = select(AssistantRow).where(AssistantRow.tenant_id == tenant_id)
        return [
            _stored(row) for row in await self._session.scalars(found.order_by(AssistantRow.id))
        ]

    async def update(
        self, tenant_id: str, assistant_id: str, config: dict[str, Any]
    ) -> StoredAssistant:
        """Raises AssistantUnknown."""
        row = await self._row(tenant_id, assistant_id)
        if row is None:
            raise AssistantUnknown(assistant_id)
        row.config = config
        row.updated_at = datetime.now(UTC)
        return _stored(row)

    async def delete(self, tenant_id: str, assistant_id: str) -> None:
        """Raises AssistantUnknown. Calls keep the id they were made with."""
        row = await self._row(tenant_id, assistant_id)
        if row is None:
            raise AssistantUnknown(assistant_id)
        await self._session.delete(row)

    async def count(self) -> int:
        return await self._session.scalar(select(func.count()).select_from(AssistantRow)) or 0

    async def _row(self, tenant_id: str, assistant_id: str) -> AssistantRow | None:
        row = await self._session.get(AssistantRow, assistant_id)
        return row if row is not None and row.tenant_id == tenant_id else None


def _stored(row: AssistantRow) -> StoredAssistant:
    return StoredAssistant(
        id=row.id,
        tenant_id=row.tenant_id,
        config=row.config,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
