"""Numbers: which assistant answers a call to which of our numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from store.cursors import Page, cursor_of, page_of, parts_of
from store.errors import AssistantUnknown, NumberTaken, NumberUnknown, TrunkUnknown
from store.first_write import insert_if_absent
from store.locks import CHANGE_LOCK
from store.models import AssistantRow, NumberRow, TrunkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where calls to a number go. Without a trunk, whichever trunk they come through."""

    assistant_id: str
    trunk_id: str | None = None
    label: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNumber:
    number: str
    tenant_id: str
    route: Route
    created_at: datetime
    updated_at: datetime


class Numbers:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, tenant_id: str, number: str, route: Route) -> StoredNumber:
        """Raises NumberTaken, also when another tenant has it; AssistantUnknown, TrunkUnknown."""
        await self._hold(tenant_id, route)
        now = datetime.now(UTC)
        values = {
            "number": number,
            "tenant_id": tenant_id,
            "assistant_id": route.assistant_id,
            "trunk_id": route.trunk_id,
            "label": route.label,
            "enabled": route.enabled,
            "created_at": now,
            "updated_at": now,
        }
        if not await insert_if_absent(self._session, NumberRow, values):
            raise NumberTaken(number)
        return StoredNumber(
            number=number, tenant_id=tenant_id, route=route, created_at=now, updated_at=now
        )

    async def get(
        self, tenant_id: str, number: str, *, for_update: bool = False
    ) -> StoredNumber | None:
        lock = CHANGE_LOCK if for_update else None
        row = await self._session.get(NumberRow, number, with_for_update=lock)
        return _stored(row) if row is not None and row.tenant_id == tenant_id else None

    async def called(self, number: str) -> StoredNumber | None:
        """Whose number was called, across tenants: for a call that comes in. None also for one
        that is switched off."""
        row = await self._session.get(NumberRow, number)
        return _stored(row) if row is not None and row.enabled else None

    async def list(
        self,
        tenant_id: str,
        limit: int = 50,
        cursor: str | None = None,
        assistant_id: str | None = None,
    ) -> NumbersFound:
        """By number. Raises BadCursor."""
        found = select(NumberRow).where(NumberRow.tenant_id == tenant_id)
        if assistant_id is not None:
            found = found.where(NumberRow.assistant_id == assistant_id)
        if cursor is not None:
            found = found.where(NumberRow.number > parts_of(cursor, 1)[0])
        rows = await self._session.scalars(found.order_by(NumberRow.number).limit(limit + 1))
        return page_of([_stored(row) for row in rows], limit, lambda last: cursor_of(last.number))

    async def update(self, tenant_id: str, number: str, route: Route) -> StoredNumber:
        """Raises NumberUnknown, AssistantUnknown, TrunkUnknown."""
        row = await self._row(tenant_id, number)
        await self._hold(tenant_id, route)
        row.assistant_id = route.assistant_id
        row.trunk_id = route.trunk_id
        row.label = route.label
        row.enabled = route.enabled
        row.updated_at = datetime.now(UTC)
        await self._session.flush()
        return _stored(row)

    async def delete(self, tenant_id: str, number: str) -> None:
        """Raises NumberUnknown."""
        await self._session.delete(await self._row(tenant_id, number))

    async def _row(self, tenant_id: str, number: str) -> NumberRow:
        row = await self._session.get(NumberRow, number, with_for_update=CHANGE_LOCK)
        if row is None or row.tenant_id != tenant_id:
            raise NumberUnknown(number)
        return row

    async def _hold(self, tenant_id: str, route: Route) -> None:
        """Nobody deletes the assistant or the trunk before this transaction has ended."""
        assistant = select(AssistantRow.id).where(
            AssistantRow.tenant_id == tenant_id, AssistantRow.id == route.assistant_id
        )
        if await self._session.scalar(assistant.with_for_update(read=True)) is None:
            raise AssistantUnknown(route.assistant_id)
        if route.trunk_id is None:
            return
        trunk = select(TrunkRow.id).where(
            TrunkRow.tenant_id == tenant_id, TrunkRow.id == route.trunk_id
        )
        if await self._session.scalar(trunk.with_for_update(read=True)) is None:
            raise TrunkUnknown(route.trunk_id)


NumbersFound = Page[StoredNumber]


def _stored(row: NumberRow) -> StoredNumber:
    return StoredNumber(
        number=row.number,
        tenant_id=row.tenant_id,
        route=Route(
            assistant_id=row.assistant_id,
            trunk_id=row.trunk_id,
            label=row.label,
            enabled=row.enabled,
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
