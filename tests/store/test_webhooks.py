"""Events and deliveries: told once, handed to Temporal once, gone with their call."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from contract.webhooks import DeliveryStatus, EventType
from store.calls import Calls
from store.database import Database
from store.webhook_deliveries import Deliveries, NewEvent
from store.webhook_models import AttemptRow, DeliveryRow, WebhookEventRow
from store.webhooks import Webhooks
from tests.store.calls import NOON
from tests.webhook_desk import TENANT, Desk


@pytest.fixture
async def desk(database: Database) -> Desk:
    desk = Desk(database)
    await desk.open("https://crm.example/hook")
    return desk


async def waiting(desk: Desk) -> list[str]:
    async with desk.database.reader() as session:
        return [one.row.id for one in await Deliveries(session).not_handed(10)]


async def hand(desk: Desk, delivery_id: str, status: DeliveryStatus) -> None:
    async with desk.database.session() as session:
        await Deliveries(session).hand(delivery_id, status.value)


async def test_an_event_is_told_once_to_those_who_want_it(desk: Desk) -> None:
    delivery_id = await desk.event()
    event = (await desk.delivery(delivery_id)).event
    again = NewEvent(
        id=event.id,
        tenant_id=TENANT,
        call_id=event.call_id,
        type=EventType.CALL_ENDED,
        at=NOON,
        body="{}",
    )
    async with desk.database.session() as session:
        webhooks = await Webhooks(session).enabled(TENANT)
        assert not await Deliveries(session).tell(again, webhooks)
    assert (await desk.delivery(delivery_id)).event.body != "{}"
    await desk.change(events=["call.held"])
    async with desk.database.session() as session:
        webhooks = await Webhooks(session).enabled(TENANT)
        assert not await Deliveries(session).tell(again, webhooks)


async def test_what_was_handed_over_waits_no_longer(desk: Desk) -> None:
    first, second = [await desk.event() for _ in range(2)]
    assert await waiting(desk) == [first, second]
    await hand(desk, first, DeliveryStatus.PENDING)
    assert await waiting(desk) == [second]


async def test_what_was_cancelled_while_it_was_handed_over_is_told_again(desk: Desk) -> None:
    delivery_id = await desk.event()
    await desk.delete()
    await hand(desk, delivery_id, DeliveryStatus.PENDING)
    assert await waiting(desk) == [delivery_id]
    await hand(desk, delivery_id, DeliveryStatus.CANCELLED)
    assert await waiting(desk) == []


async def test_a_call_takes_its_events_with_it(desk: Desk) -> None:
    call_id = (await desk.delivery(await desk.event())).event.call_id
    async with desk.database.session() as session:
        await Calls(session).delete(call_id)
    async with desk.database.reader() as session:
        for table in (WebhookEventRow, DeliveryRow, AttemptRow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
