"""API keys, kept as hashes only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from store.first_write import insert_if_absent
from store.models import ApiKeyRow


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a valid key speaks for."""

    tenant_id: str
    role: Role
    name: str


class ApiKeys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, key: str, tenant_id: str, role: Role, name: str) -> bool:
        """False when the key is there already; a revoked one stays revoked."""
        values = {
            "key_hash": hash_key(key),
            "tenant_id": tenant_id,
            "role": role.value,
            "name": name,
            "created_at": datetime.now(UTC),
        }
        return await insert_if_absent(self._session, ApiKeyRow, values)

    async def principal(self, key: str) -> Principal | None:
        found = select(ApiKeyRow).where(
            ApiKeyRow.key_hash == hash_key(key), ApiKeyRow.revoked_at.is_(None)
        )
        row = (await self._session.scalars(found)).one_or_none()
        if row is None:
            return None
        return Principal(tenant_id=row.tenant_id, role=Role(row.role), name=row.name)

    async def revoke(self, key: str) -> None:
        await self._session.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.key_hash == hash_key(key), ApiKeyRow.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )


def hash_key(key: str) -> str:
    # Keys are random and long, so a plain hash cannot be guessed backwards.
    return hashlib.sha256(key.encode()).hexdigest()
