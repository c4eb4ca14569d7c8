"""Deliveries as a tenant reads them, and has them made again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.webhooks import DeliveryStatus, EventType, NoteWebhook, SendOutcome, WebhookSent
from store.webhook_deliveries import Deliveries
from tests.api.service import Service, serve, settings_for
from tests.api.test_problems_and_keys import assert_problem
from tests.api.test_trunks_resource import PAYLOAD_KEYS
from tests.store.calls import NOON
from tests.webhook_desk import Desk


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path, database_url=database_url, payload_keys=PAYLOAD_KEYS)
    async with serve(settings) as running:
        yield running


@pytest.fixture
async def desk(service: Service) -> Desk:
    desk = Desk(service.parts.database)
    await desk.open("https://crm.example/hook")
    return desk


async def attempted(
    desk: Desk,
    delivery_id: str,
    number: int,
    status: DeliveryStatus,
    next_at: datetime | None = None,
) -> None:
    sent = WebhookSent(
        outcome=SendOutcome.FAILED,
        at=NOON,
        detail="It answered 503.",
        seconds=0.25,
        http_status=503,
        answer="We are moving house.",
    )
    if status is DeliveryStatus.PENDING:
        next_at = next_at or datetime.now(UTC)
    note = NoteWebhook(
        delivery_id=delivery_id, attempt=number, sent=sent, status=status, next_at=next_at
    )
    for _ in range(2):  # a repeated activity changes nothing
        async with desk.database.session() as session:
            await Deliveries(session).note(note)


async def listed(service: Service, **query: str) -> list[str]:
    found = await service.get("/webhook_deliveries", params=query)
    return [item["id"] for item in found.json()["items"]]


async def test_each_attempt_is_in_the_list_with_what_was_answered(
    service: Service, desk: Desk
) -> None:
    delivery_id = await desk.event()
    await attempted(desk, delivery_id, 1, DeliveryStatus.PENDING)
    await attempted(desk, delivery_id, 2, DeliveryStatus.DEAD)
    (item,) = (await service.get(f"/webhooks/{desk.webhook_id}/deliveries")).json()["items"]
    delivery = await desk.delivery(delivery_id)
    assert (item["event_id"], item["event_type"]) == (delivery.event.id, "call.ended")
    assert (item["status"], item["detail"]) == ("dead", "It answered 503.")
    assert item["attempts"] == [
        {
            "number": number,
            "at": "2026-11-21T12:00:00Z",
            "seconds": 0.25,
            "http_status": 503,
            "answer": "We are moving house.",
            "detail": "It answered 503.",
        }
        for number in (1, 2)
    ]
    assert (await service.get(f"/webhook_deliveries/{delivery_id}")).json() == item


async def test_deliveries_are_listed_newest_first_by_webhook_call_and_status(
    service: Service, desk: Desk
) -> None:
    ids = [await desk.event(kind) for kind in (EventType.CALL_HELD, EventType.CALL_ENDED)]
    await attempted(desk, ids[0], 1, DeliveryStatus.DEAD)

    assert await listed(service) == list(reversed(ids))
    assert await listed(service, status="dead") == [ids[0]]
    assert await listed(service, call_id=(await desk.delivery(ids[1])).event.call_id) == [ids[1]]
    assert await listed(service, webhook_id="hook_other") == []
    first = (await service.get("/webhook_deliveries", params={"limit": "1"})).json()
    assert await listed(service, limit="1", cursor=first["next_cursor"]) == [ids[0]]
    assert_problem(
        await service.get("/webhook_deliveries", params={"status": "x"}), 422, "invalid-request"
    )


async def test_a_dead_letter_is_delivered_again_under_the_same_event_id(
    service: Service, desk: Desk
) -> None:
    delivery_id = await desk.event()
    path = f"/webhook_deliveries/{delivery_id}/redeliver"
    assert_problem(await service.post(path), 409, "delivery-under-way")
    await attempted(desk, delivery_id, 1, DeliveryStatus.DEAD)
    key = {"Idempotency-Key": "again"}
    answer = await service.post(path, headers=key)
    assert answer.status_code == 202
    again = answer.json()
    assert (again["number"], again["status"], again["attempts"]) == (2, "pending", [])
    assert again["event_id"] == (await desk.delivery(delivery_id)).event.id
    repeated = await service.post(path, headers=key)
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.json() == again
    assert_problem(await service.post(path), 409, "delivery-under-way")
    async with desk.database.reader() as session:
        waiting = await Deliveries(session).not_handed(10)
    assert again["id"] in {one.row.id for one in waiting}
    await attempted(desk, again["id"], 1, DeliveryStatus.DELIVERED)
    assert (await service.post(path)).json()["number"] == 3


async def test_a_dead_letter_is_none_any_more_once_it_is_sent_again(
    service: Service, desk: Desk
) -> None:
    """Whoever sends all of them again sends none twice; given up once more, it is one again."""
    first, second = [await desk.event() for _ in range(2)]
    for delivery_id in (first, second):
        await attempted(desk, delivery_id, 1, DeliveryStatus.DEAD)
    again = (await service.post(f"/webhook_deliveries/{first}/redeliver")).json()["id"]
    assert await listed(service, status="dead") == [second]
    await attempted(desk, again, 1, DeliveryStatus.DEAD)
    assert await listed(service, status="dead") == [again, second]
    third = (await service.post(f"/webhook_deliveries/{again}/redeliver")).json()["id"]
    await attempted(desk, third, 1, DeliveryStatus.DELIVERED)
    assert await listed(service, status="dead") == [second]
    told = (await service.get(f"/webhook_deliveries/{first}")).json()
    assert told["status"] == "dead"  # it was given up, whatever came later


async def test_a_delivery_whose_workflow_is_gone_is_a_dead_letter(
    service: Service, desk: Desk
) -> None:
    """An operator terminated it, or Temporal has lost it: nobody would ever tell us."""
    now = datetime.now(UTC)
    gone, waits = [await desk.event() for _ in range(2)]
    await attempted(desk, gone, 1, DeliveryStatus.PENDING, now - timedelta(hours=2))
    await attempted(desk, waits, 1, DeliveryStatus.PENDING, now + timedelta(hours=2))
    unknown = await desk.event()  # Temporal gets it as soon as it is back
    assert await listed(service, status="dead") == [gone]
    assert await listed(service, status="pending") == [unknown, waits]
    (dead,) = (await service.get("/webhook_deliveries?status=dead")).json()["items"]
    assert (dead["status"], "no attempt" in dead["detail"]) == ("dead", True)
    for delivery_id in (waits, unknown):
        answer = await service.post(f"/webhook_deliveries/{delivery_id}/redeliver")
        assert_problem(answer, 409, "delivery-under-way")

    again = (await service.post(f"/webhook_deliveries/{gone}/redeliver")).json()
    assert (again["number"], again["status"]) == (2, "pending")
    assert await listed(service, status="dead") == []
    # Should it live after all, what it tells comes too late for the record.
    await attempted(desk, gone, 2, DeliveryStatus.PENDING, now + timedelta(hours=2))
    told = (await service.get(f"/webhook_deliveries/{gone}")).json()
    assert (told["status"], told["next_attempt_at"]) == ("dead", None)
    assert told["ended_at"] is not None


async def test_a_late_attempt_brings_a_delivery_back(service: Service, desk: Desk) -> None:
    """Only the workers were away for hours."""
    now = datetime.now(UTC)
    delivery_id = await desk.event()
    await attempted(desk, delivery_id, 1, DeliveryStatus.PENDING, now - timedelta(hours=2))
    assert await listed(service, status="dead") == [delivery_id]
    await attempted(desk, delivery_id, 2, DeliveryStatus.PENDING, now + timedelta(hours=2))
    assert await listed(service, status="dead") == []
    assert await listed(service, status="pending") == [delivery_id]


async def test_many_who_ask_for_it_at_once_begin_one_delivery(service: Service, desk: Desk) -> None:
    delivery_id = await desk.event()
    await attempted(desk, delivery_id, 1, DeliveryStatus.DEAD)
    path = f"/webhook_deliveries/{delivery_id}/redeliver"
    answers = await asyncio.gather(*(service.post(path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]


async def test_nothing_is_delivered_to_a_webhook_that_is_off_or_gone(
    service: Service, desk: Desk
) -> None:
    delivery_id = await desk.event()
    await attempted(desk, delivery_id, 1, DeliveryStatus.DEAD)
    path = f"/webhook_deliveries/{delivery_id}/redeliver"
    webhook = f"/webhooks/{desk.webhook_id}"
    await service.client.patch(webhook, json={"enabled": False})
    assert_problem(await service.post(path), 409, "webhook-disabled")
    await service.client.delete(webhook)
    assert_problem(await service.post(path), 409, "webhook-gone")
    assert_problem(
        await service.post("/webhook_deliveries/whd_never/redeliver"), 404, "delivery-not-found"
    )


async def test_deleting_a_webhook_cancels_what_is_on_its_way(service: Service, desk: Desk) -> None:
    delivery_id = await desk.event()
    await service.client.delete(f"/webhooks/{desk.webhook_id}")
    told = (await service.get(f"/webhook_deliveries/{delivery_id}")).json()
    assert (told["status"], told["detail"]) == ("cancelled", "The webhook was deleted.")


async def test_enabling_forgets_why_it_was_disabled(service: Service, desk: Desk) -> None:
    await desk.change(enabled=False, disabled_reason="It answered 410 Gone.")
    path = f"/webhooks/{desk.webhook_id}"
    assert (await service.get(path)).json()["disabled_reason"] == "It answered 410 Gone."
    enabled = (await service.client.patch(path, json={"enabled": True})).json()
    assert (enabled["enabled"], enabled["disabled_reason"]) == (True, None)
