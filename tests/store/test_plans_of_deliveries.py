"""How the database finds dead letters among everything that was ever delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from contract.webhooks import DeliveryStatus
from store.calls import Calls
from store.database import Database
from store.webhook_deliveries import DeliveryPage, deliveries_of
from store.webhook_models import DeliveryRow, WebhookEventRow
from tests.store.calls import NOON, new_call
from tests.store.test_plans_of_lists import is_sqlite, plan_of

DELIVERIES = 8_000


def delivery(number: int, call_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """With its event; of four hundred one is dead, one on its way."""
    of_rest = number % 400
    status = {0: DeliveryStatus.DEAD, 1: DeliveryStatus.PENDING}.get(
        of_rest, DeliveryStatus.DELIVERED
    )
    at = NOON + timedelta(seconds=number)
    event = {
        "id": f"evt_{number}",
        "tenant_id": "acme",
        "call_id": call_id,
        "type": "call.ended",
        "at": at,
        "body": "{}",
    }
    row = {
        "id": f"whd_{number}",
        "tenant_id": "acme",
        "webhook_id": "hook_1",
        "event_id": event["id"],
        "number": 1,
        "status": status.value,
        "detail": "",
        "created_at": at,
        "handed_at": at,
        "next_attempt_at": at if status is DeliveryStatus.PENDING else None,
    }
    return event, row


@pytest.fixture
async def filled(database: Database) -> Database:
    """SQLite plans without ever counting rows, so it needs none."""
    if not is_sqlite(database):
        call = new_call()
        made = [delivery(number, call.call_id) for number in range(DELIVERIES)]
        async with database.session() as session:
            await Calls(session).insert(call)
            await session.execute(insert(WebhookEventRow), [event for event, _ in made])
            await session.execute(insert(DeliveryRow), [row for _, row in made])
        async with database.session() as session:
            await session.execute(text("ANALYZE"))
    return database


@pytest.mark.parametrize("status", [DeliveryStatus.DEAD, DeliveryStatus.PENDING], ids=str)
async def test_the_few_that_did_not_arrive_are_found_by_their_status(
    filled: Database, status: DeliveryStatus
) -> None:
    plan = await plan_of(filled, deliveries_of(DeliveryPage(tenant_id="acme", status=status)))
    assert "SCAN" not in plan, plan
    if is_sqlite(filled) and status is DeliveryStatus.DEAD:  # never counts: takes them all for few
        assert "ix_webhook_deliveries_tenant (tenant_id=?)" in plan, plan
    else:
        assert "ix_webhook_deliveries_tenant_status" in plan, plan
    assert "Seq Scan" not in plan, plan
    if status is DeliveryStatus.DEAD:  # whether one was sent again is looked up for each
        assert "ix_webhook_deliveries_event_id" in plan, plan
