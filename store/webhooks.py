"""Webhooks: the endpoints of a tenant, each with its secrets, which are sealed before they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from store.cursors import Page, cursor_of, page_of, parts_of
from store.errors import TooManyWebhooks, WebhookUnknown
from store.locks import CHANGE_LOCK
from store.webhook_models import WebhookRow

# Each event becomes a delivery to every one of them.
MOST_OF_A_TENANT = 20


class Webhooks:
    """Rows may be changed until the transaction ends, when they were asked for `for_update`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, row: WebhookRow) -> None:
        """Raises TooManyWebhooks."""
        count = select(func.count()).where(WebhookRow.tenant_id == row.tenant_id)
        if (await self._session.scalar(count) or 0) >= MOST_OF_A_TENANT:
            raise TooManyWebhooks(MOST_OF_A_TENANT)
        row.created_at = row.updated_at = datetime.now(UTC)
        self._session.add(row)
        await self._session.flush()

    async def find(
        self, tenant_id: str, webhook_id: str, *, for_update: bool = False
    ) -> WebhookRow | None:
        lock = CHANGE_LOCK if for_update else None
        return await self._session.get(WebhookRow, (tenant_id, webhook_id), with_for_update=lock)

    async def get(self, tenant_id: str, webhook_id: str, *, for_update: bool = False) -> WebhookRow:
        """Raises WebhookUnknown."""
        row = await self.find(tenant_id, webhook_id, for_update=for_update)
        if row is None:
            raise WebhookUnknown(webhook_id)
        return row

    async def list(
        self, tenant_id: str, limit: int = 50, cursor: str | None = None
    ) -> Page[WebhookRow]:
        """By id. Raises BadCursor."""
        found = select(WebhookRow).where(WebhookRow.tenant_id == tenant_id)
        if cursor is not None:
            found = found.where(WebhookRow.id > parts_of(cursor, 1)[0])
        rows = await self._session.scalars(found.order_by(WebhookRow.id).limit(limit + 1))
        return page_of(rows.all(), limit, lambda last: cursor_of(last.id))

    async def enabled(self, tenant_id: str) -> Sequence[WebhookRow]:
        found = select(WebhookRow).where(WebhookRow.tenant_id == tenant_id, WebhookRow.enabled)
        return (await self._session.scalars(found.order_by(WebhookRow.id))).all()

    async def delete(self, tenant_id: str, webhook_id: str) -> None:
        """Raises WebhookUnknown."""
        await self._session.delete(await self.get(tenant_id, webhook_id, for_update=True))

    async def with_secrets(self) -> Sequence[WebhookRow]:
        """Of all tenants, held until the transaction ends; in one order, so that of two processes
        that seal anew at once one waits for the other."""
        found = select(WebhookRow).order_by(WebhookRow.tenant_id, WebhookRow.id)
        return (await self._session.scalars(found.with_for_update(key_share=True))).all()


def secret_place(tenant_id: str, webhook_id: str) -> str:
    """What a webhook's secrets are sealed for: moved to another one, they do not open."""
    return f"webhook-secret/{tenant_id}/{webhook_id}"
