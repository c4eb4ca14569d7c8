"""Deliveries to a real receiver, from the real store, on a real Temporal server that skips time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from temporalio import activity
from temporalio.api.enums.v1 import EventType as HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.webhook_http import WebhookSender
from activities.webhook_outbox import WebhookOutbox
from activities.webhooks import WebhookActivities
from contract.steps import Step
from contract.tool_targets import ToolTargets
from contract.webhooks import DeliveryReport, DeliveryStatus, SendWebhook, WebhookSent
from store.calls import Calls
from store.database import Database
from store.webhook_deliveries import Deliveries
from store.webhook_models import DeliveryRow
from tests.webhook_desk import TENANT, Desk
from tests.webhook_receiver import receiver, status
from tests.workflows.saved_histories import save_histories
from workflows import options
from workflows.sandbox import our_sandbox
from workflows.webhook_delivery import WebhookDeliveryWorkflow

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

LOOPBACK = ToolTargets((ip_network("127.0.0.0/8"),))
ATTEMPTS = len(options.WEBHOOK_PAUSES) + 1
UNAVAILABLE = status(503, "We are moving house.")


@dataclass
class Office:
    client: Client
    desk: Desk
    outbox: WebhookOutbox

    def workflow(self, delivery_id: str) -> WorkflowHandle[Any, DeliveryReport]:
        return self.client.get_workflow_handle(delivery_id, result_type=DeliveryReport)

    async def delivered(self, delivery_id: str) -> DeliveryReport:
        """Hands over what waits, and how it came out."""
        await self.outbox.hand_over()
        return await self.workflow(delivery_id).result()

    async def pauses(self, delivery_id: str) -> list[timedelta]:
        history = await self.workflow(delivery_id).fetch_history()
        return [
            event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            for event in history.events
            if event.event_type == HistoryEvent.EVENT_TYPE_TIMER_STARTED
        ]


class LosesItsFirstAnswer:
    """A worker that dies when the request is out and nobody was told."""

    def __init__(self, really: WebhookActivities) -> None:
        self._really = really

    @activity.defn(name=Step.SEND_WEBHOOK)
    async def send_webhook(self, order: SendWebhook) -> WebhookSent:
        sent = await self._really.send_webhook(order)
        if order.attempt == 1:
            raise ApplicationError("The worker was killed.")
        return sent


@pytest.fixture
def targets() -> ToolTargets:
    return LOOPBACK


@pytest.fixture
def sending() -> Callable[[WebhookActivities], Any]:
    """Whose `send_webhook` does it: a test whose sender has an accident brings another one."""
    return lambda really: really


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    client: Client,
    task_queue: str,
    tmp_path: Path,
    targets: ToolTargets,
    sending: Callable[[WebhookActivities], Any],
    request: pytest.FixtureRequest,
) -> AsyncIterator[Office]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/webhooks.db")
    await database.migrate()
    desk = Desk(database)
    activities = WebhookActivities(database, desk.sealing, WebhookSender(targets))
    async with (
        Worker(
            client,
            task_queue=task_queue,
            workflows=[WebhookDeliveryWorkflow],
            activities=[activities.note_webhook],
            workflow_runner=our_sandbox(),
        ),
        Worker(
            client,
            task_queue=f"{task_queue}-webhooks",
            activities=[sending(activities).send_webhook],
        ),
    ):
        yield Office(client, desk, WebhookOutbox(database, client, task_queue))
        if os.environ.get("SAVE_HISTORIES"):
            await save_histories(client, task_queue, request.node.name)
    await database.aclose()


async def test_a_delivery_that_is_taken_at_once(office: Office) -> None:
    async with receiver(status(200, "Thank you.")) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        report = await office.delivered(delivery_id)
        (got,) = one.got
    assert (report.status, report.attempts) == (DeliveryStatus.DELIVERED, 1)
    delivery = await office.desk.delivery(delivery_id)
    assert got.webhook_id == delivery.event.id
    assert got.verify(office.desk.secret)["type"] == "call.ended"
    (attempt,) = await office.desk.attempts(delivery_id)
    assert (attempt.http_status, attempt.answer) == (200, "Thank you.")
    assert (delivery.row.status, delivery.row.next_attempt_at) == ("delivered", None)
    described = await office.workflow(delivery_id).describe()
    assert described.search_attributes["WebhookStatus"] == ["delivered"]
    assert described.search_attributes["TenantId"] == [TENANT]
    assert await described.static_summary() == "call.ended to hook_1"


async def test_a_receiver_that_is_down_for_two_days_gets_it_in_the_end(office: Office) -> None:
    failures = 8
    async with receiver(*[UNAVAILABLE] * failures, status(204)) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        report = await office.delivered(delivery_id)
        got = one.got
    assert (report.status, report.attempts) == (DeliveryStatus.DELIVERED, failures + 1)
    pauses = await office.pauses(delivery_id)
    assert pauses == list(options.WEBHOOK_PAUSES[:failures])
    assert timedelta(days=2) < sum(pauses, timedelta())
    # One event, one id, the same bytes; each time signed anew.
    assert {one.webhook_id for one in got} == {(await office.desk.delivery(delivery_id)).event.id}
    assert len({one.body for one in got}) == 1
    for request in got:
        request.verify(office.desk.secret)
    attempts = await office.desk.attempts(delivery_id)
    assert [attempt.number for attempt in attempts] == list(range(1, failures + 2))
    assert [attempt.http_status for attempt in attempts] == [503] * failures + [204]
    assert {attempt.answer for attempt in attempts[:-1]} == {"We are moving house."}


async def test_after_three_days_it_is_a_dead_letter_and_can_be_delivered_again(
    office: Office,
) -> None:
    async with receiver(*[UNAVAILABLE] * ATTEMPTS, status(204)) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        report = await office.delivered(delivery_id)
        assert (report.status, report.attempts) == (DeliveryStatus.DEAD, ATTEMPTS)
        assert sum(await office.pauses(delivery_id), timedelta()) > timedelta(days=3)
        assert (await office.desk.delivery(delivery_id)).row.status == "dead"
        async with office.desk.database.session() as session:
            again = await Deliveries(session).redeliver(TENANT, delivery_id)
        report = await office.delivered(again.row.id)
        assert (report.status, report.attempts) == (DeliveryStatus.DELIVERED, 1)
        assert len({request.webhook_id for request in one.got}) == 1


async def test_a_receiver_that_is_gone_is_not_asked_again(office: Office) -> None:
    async with receiver(status(410)) as one:
        await office.desk.open(one.url)
        first, second = await office.desk.event(), await office.desk.event()
        async with office.desk.database.session() as session:
            later = await session.get_one(DeliveryRow, second)
            later.handed_at = later.created_at  # it waits for its turn
        report = await office.delivered(first)
        assert (report.status, report.attempts) == (DeliveryStatus.DEAD, 1)
        webhook = await office.desk.webhook()
        assert (webhook.enabled, webhook.disabled_reason) == (False, "It answered 410 Gone.")
        async with office.desk.database.session() as session:
            (await session.get_one(DeliveryRow, second)).handed_at = None
        report = await office.delivered(second)
        assert (report.status, len(one.got)) == (DeliveryStatus.DEAD, 1)
        assert "disabled" in report.detail


async def test_a_pause_that_the_receiver_asks_for_is_kept(office: Office) -> None:
    async with receiver(status(429, Retry_After="3600"), status(204)) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        assert (await office.delivered(delivery_id)).attempts == 2
    assert await office.pauses(delivery_id) == [timedelta(hours=1)]


class TestWhereNoWebhookMay:
    @pytest.fixture
    def targets(self) -> ToolTargets:
        return ToolTargets()

    async def test_lead_it_is_given_up_at_once(self, office: Office) -> None:
        async with receiver() as one:
            await office.desk.open(one.url)
            delivery_id = await office.desk.event()
            report = await office.delivered(delivery_id)
            assert one.got == []
        assert (report.status, report.attempts) == (DeliveryStatus.DEAD, 1)
        assert report.detail == "Its address is not public."


class TestAWorkerThatIsKilledBetweenSendingAndWritingItDown:
    @pytest.fixture
    def sending(self) -> Callable[[WebhookActivities], Any]:
        return LosesItsFirstAnswer

    async def test_sends_again_under_the_same_id(self, office: Office) -> None:
        async with receiver() as one:
            await office.desk.open(one.url)
            delivery_id = await office.desk.event()
            report = await office.delivered(delivery_id)
            got = one.got
        assert (report.status, report.attempts, len(got)) == (DeliveryStatus.DELIVERED, 2, 2)
        assert len({request.webhook_id for request in got}) == 1
        unknown, taken = await office.desk.attempts(delivery_id)
        assert (unknown.http_status, taken.http_status) == (None, 204)
        assert "is not known" in unknown.detail


@pytest.mark.usefixtures("unskipped")
async def test_a_deleted_webhook_ends_what_is_on_its_way(office: Office) -> None:
    async with receiver(status(503, Retry_After="3600")) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        await office.outbox.hand_over()
        await one.until(lambda got: len(got) == 1)
        await office.desk.delete()
        report = await office.delivered(delivery_id)
        assert len(one.got) == 1
    assert (report.status, report.detail) == (
        DeliveryStatus.CANCELLED,
        "The webhook was deleted.",
    )
    assert (await office.desk.delivery(delivery_id)).row.status == "cancelled"
    assert await office.outbox.hand_over() == 0


@pytest.mark.usefixtures("unskipped")
async def test_what_an_operator_cancels_is_a_dead_letter(office: Office) -> None:
    async with receiver(status(503, Retry_After="3600")) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        await office.outbox.hand_over()
        await one.until(lambda got: len(got) == 1)
        await office.workflow(delivery_id).cancel()
        report = await office.workflow(delivery_id).result()
    assert (report.status, report.attempts) == (DeliveryStatus.DEAD, 1)
    row = (await office.desk.delivery(delivery_id)).row
    assert (row.status, row.detail) == ("dead", "An operator cancelled it.")
    (attempt,) = await office.desk.attempts(delivery_id)
    assert attempt.detail == "It answered 503."


async def test_a_call_that_is_deleted_takes_its_deliveries_with_it(office: Office) -> None:
    async def forget(_request: web.Request) -> web.StreamResponse:
        call_id = (await office.desk.delivery(delivery_id)).event.call_id
        async with office.desk.database.session() as session:
            await Calls(session).delete(call_id)
        return web.Response(status=503)

    async with receiver(forget) as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        report = await office.delivered(delivery_id)
        assert len(one.got) == 1
    assert (report.status, report.detail) == (DeliveryStatus.CANCELLED, "The call was deleted.")


async def test_what_is_handed_over_twice_is_delivered_once(office: Office) -> None:
    async with receiver() as one:
        await office.desk.open(one.url)
        delivery_id = await office.desk.event()
        await office.delivered(delivery_id)
        async with office.desk.database.session() as session:
            # As if whoever started it had died before writing that down.
            row = await session.get_one(DeliveryRow, delivery_id)
            row.handed_at, row.status = None, DeliveryStatus.PENDING.value
        assert await office.outbox.hand_over() == 1
        assert await office.outbox.hand_over() == 0
        assert len(one.got) == 1
