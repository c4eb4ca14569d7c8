"""A tenant with a webhook, and events on their way to it, in a database of the test's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contract.webhooks import EventType, event_id_of, new_secret
from engine.sealing import Sealing
from store.calls import Calls
from store.database import Database
from store.webhook_deliveries import Deliveries, Delivery, DeliveryPage, NewEvent
from store.webhook_models import AttemptRow, WebhookRow
from store.webhooks import Webhooks, secret_place
from tests.store.calls import NOON, new_call

TENANT = "default"
KEYS = {"test": bytes(32)}


@dataclass
class Desk:
    database: Database
    webhook_id: str = "hook_1"
    secret: str = ""

    @property
    def sealing(self) -> Sealing:
        return Sealing(KEYS)

    def sealed(self, secret: str) -> str:
        return self.sealing.seal(secret, secret_place(TENANT, self.webhook_id))

    async def open(self, url: str, **changes: Any) -> None:
        """Make the webhook, which is told of everything."""
        self.secret = new_secret()
        row = WebhookRow(
            tenant_id=TENANT,
            id=self.webhook_id,
            url=url,
            events=[event.value for event in EventType],
            description="",
            enabled=True,
            sealed_secret=self.sealed(self.secret),
        )
        for name, value in changes.items():
            setattr(row, name, value)
        async with self.database.session() as session:
            await Webhooks(session).create(row)

    async def event(self, kind: EventType = EventType.CALL_ENDED) -> str:
        """The id of its delivery, of which Temporal does not know yet."""
        call = new_call(tenant_id=TENANT)
        body = f'{{"type":"{kind.value}","timestamp":"2026-11-21T12:00:00Z","data":{{}}}}'
        new = NewEvent(
            id=event_id_of(call.call_id, kind),
            tenant_id=TENANT,
            call_id=call.call_id,
            type=kind,
            at=NOON,
            body=body,
        )
        async with self.database.session() as session:
            await Calls(session).insert(call)
            webhooks = await Webhooks(session).enabled(TENANT)
            assert await Deliveries(session).tell(new, webhooks)
            page = DeliveryPage(tenant_id=TENANT, call_id=call.call_id)
            (delivery,) = (await Deliveries(session).page(page)).items
        return delivery.row.id

    async def webhook(self) -> WebhookRow:
        async with self.database.reader() as session:
            return await Webhooks(session).get(TENANT, self.webhook_id)

    async def change(self, **changes: Any) -> None:
        async with self.database.session() as session:
            row = await Webhooks(session).get(TENANT, self.webhook_id, for_update=True)
            for name, value in changes.items():
                setattr(row, name, value)
            row.updated_at = datetime.now(UTC)

    async def delete(self) -> None:
        """As the API does."""
        async with self.database.session() as session:
            await Webhooks(session).delete(TENANT, self.webhook_id)
            await Deliveries(session).cancel_pending(TENANT, self.webhook_id)

    async def delivery(self, delivery_id: str) -> Delivery:
        async with self.database.reader() as session:
            return await Deliveries(session).get(TENANT, delivery_id)

    async def attempts(self, delivery_id: str) -> Sequence[AttemptRow]:
        async with self.database.reader() as session:
            return (await Deliveries(session).attempts([delivery_id]))[delivery_id]
