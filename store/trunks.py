"""Trunks: the ways to a telephone network, their configuration kept as the API checked it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from store.cursors import Page, cursor_of, page_of, parts_of
from store.errors import TrunkExists, TrunkInUse, TrunkUnknown
from store.first_write import insert_if_absent
from store.locks import CHANGE_LOCK
from store.models import NumberRow, TrunkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrunk:
    """`sealed_password` is opened by who has the payload keys (engine.sealing), never here."""

    id: str
    tenant_id: str
    config: dict[str, Any]
    sealed_password: str | None
    created_at: datetime
    updated_at: datetime


class Trunks:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self, tenant_id: str, trunk_id: str, config: dict[str, Any], sealed_password: str | None
    ) -> StoredTrunk:
        """Raises TrunkExists."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "tenant_id": tenant_id,
            "id": trunk_id,
            "config": config,
            "sealed_password": sealed_password,
            "created_at": now,
            "updated_at": now,
        }
        if not await insert_if_absent(self._session, TrunkRow, values):
            raise TrunkExists(trunk_id)
        return StoredTrunk(**values)

    async def get(
        self, tenant_id: str, trunk_id: str, *, for_update: bool = False
    ) -> StoredTrunk | None:
        lock = CHANGE_LOCK if for_update else None
        row = await self._session.get(TrunkRow, (tenant_id, trunk_id), with_for_update=lock)
        return _stored(row) if row is not None else None

    async def list(self, tenant_id: str, limit: int = 50, cursor: str | None = None) -> TrunksFound:
        """By id. Raises BadCursor."""
        found = select(TrunkRow).where(TrunkRow.tenant_id == tenant_id)
        if cursor is not None:
            found = found.where(TrunkRow.id > parts_of(cursor, 1)[0])
        rows = await self._session.scalars(found.order_by(TrunkRow.id).limit(limit + 1))
        return page_of([_stored(row) for row in rows], limit, lambda last: cursor_of(last.id))

    async def update(
        self, tenant_id: str, trunk_id: str, config: dict[str, Any], sealed_password: str | None
    ) -> StoredTrunk:
        """Raises TrunkUnknown."""
        row = await self._row(tenant_id, trunk_id)
        row.config = config
        row.sealed_password = sealed_password
        row.updated_at = datetime.now(UTC)
        return _stored(row)

    async def any_needs_bridge(self) -> bool:
        """Across tenants: whether a trunk in use is of kind `bridge`."""
        needs = select(TrunkRow.id).where(
            TrunkRow.config["kind"].as_string() == "bridge",
            TrunkRow.config["enabled"].as_boolean(),
        )
        return await self._session.scalar(needs.limit(1)) is not None

    async def with_passwords(self) -> Sequence[StoredTrunk]:
        """Across tenants, and held until the transaction ends."""
        found = select(TrunkRow).where(TrunkRow.sealed_password.is_not(None))
        # In one order: of two processes that seal anew at once, one waits for the other.
        found = found.order_by(TrunkRow.tenant_id, TrunkRow.id).with_for_update(key_share=True)
        return [_stored(row) for row in await self._session.scalars(found)]

    async def reseal(self, tenant_id: str, trunk_id: str, sealed_password: str) -> None:
        """The same password under another key: for whoever uses the trunk nothing changes.
        Raises TrunkUnknown."""
        row = await self._row(tenant_id, trunk_id)
        row.sealed_password = sealed_password

    async def delete(self, tenant_id: str, trunk_id: str) -> None:
        """Raises TrunkUnknown, TrunkInUse."""
        row = await self._row(tenant_id, trunk_id)
        try:
            async with self._session.begin_nested():
                await self._session.delete(row)
        except IntegrityError:
            used = select(NumberRow.number).where(
                NumberRow.tenant_id == tenant_id, NumberRow.trunk_id == trunk_id
            )
            number = await self._session.scalar(used.order_by(NumberRow.number).limit(1))
            raise TrunkInUse(trunk_id, number or "") from None

    async def _row(self, tenant_id: str, trunk_id: str) -> TrunkRow:
        row = await self._session.get(TrunkRow, (tenant_id, trunk_id), with_for_update=CHANGE_LOCK)
        if row is None:
            raise TrunkUnknown(trunk_id)
        return row


def password_place(tenant_id: str, trunk_id: str) -> str:
    """What a trunk's password is sealed for: moved to another trunk, it does not open."""
    return f"trunk-password/{tenant_id}/{trunk_id}"


TrunksFound = Page[StoredTrunk]


def _stored(row: TrunkRow) -> StoredTrunk:
    return StoredTrunk(
        id=row.id,
        tenant_id=row.tenant_id,
        config=row.config,
        sealed_password=row.sealed_password,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
