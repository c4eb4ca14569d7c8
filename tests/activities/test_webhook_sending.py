"""What one attempt sends, and to whom it sends nothing: the webhook as it is at that moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from standardwebhooks import WebhookVerificationError

from activities.webhook_http import WebhookSender
from activities.webhooks import WebhookActivities
from contract.tool_targets import ToolTargets
from contract.webhooks import SendOutcome, SendWebhook, WebhookSent, new_secret
from engine.sealing import Sealing
from store.database import Database
from tests.webhook_desk import Desk
from tests.webhook_receiver import receiver, status

SENDER = WebhookSender(ToolTargets((ip_network("127.0.0.0/8"),)))


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    database = Database(database_url)
    yield Desk(database)
    await database.aclose()


async def send(desk: Desk, delivery_id: str, sealing: Sealing | None = None) -> WebhookSent:
    activities = WebhookActivities(desk.database, sealing or desk.sealing, SENDER)
    return await activities.send_webhook(SendWebhook(delivery_id, 1))


async def test_while_a_secret_is_replaced_both_are_good(desk: Desk) -> None:
    async with receiver() as one:
        await desk.open(one.url)
        before, after = desk.secret, new_secret()
        delivery_id = await desk.event()
        await desk.change(
            sealed_secret=desk.sealed(after),
            sealed_previous_secret=desk.sealed(before),
            previous_secret_until=datetime.now(UTC) + timedelta(hours=1),
        )
        await send(desk, delivery_id)
        one.got[0].verify(after)
        one.got[0].verify(before)
        await desk.change(previous_secret_until=datetime.now(UTC) - timedelta(seconds=1))
        await send(desk, delivery_id)
        one.got[1].verify(after)
        with pytest.raises(WebhookVerificationError):
            one.got[1].verify(before)


async def test_it_goes_where_the_webhook_leads_now(desk: Desk) -> None:
    async with receiver() as old, receiver(status(201, "Moved.")) as new:
        await desk.open(old.url)
        delivery_id = await desk.event()
        await desk.change(url=new.url)
        sent = await send(desk, delivery_id)
        assert (old.got, len(new.got)) == ([], 1)
    assert (sent.outcome, sent.http_status, sent.answer) == (SendOutcome.DELIVERED, 201, "Moved.")


async def test_nothing_is_sent_to_who_is_off_or_gone(desk: Desk) -> None:
    async with receiver() as one:
        await desk.open(one.url)
        delivery_id = await desk.event()
        await desk.change(enabled=False, disabled_reason="It answered 410 Gone.")
        off = await send(desk, delivery_id)
        assert (off.outcome, off.detail) == (
            SendOutcome.HOPELESS,
            "The webhook is disabled. It answered 410 Gone.",
        )
        await desk.delete()
        gone = await send(desk, delivery_id)
        assert (gone.outcome, gone.detail) == (SendOutcome.WITHDRAWN, "The webhook was deleted.")
        never = await send(desk, "whd_never")
        assert never.outcome is SendOutcome.WITHDRAWN
        assert one.got == []


async def test_without_its_secret_nothing_is_sent_yet(desk: Desk) -> None:
    async with receiver() as one:
        await desk.open(one.url)
        delivery_id = await desk.event()
        lost = await send(desk, delivery_id, Sealing({"other": b"1" * 32}))
        assert (lost.outcome, one.got) == (SendOutcome.FAILED, [])
        found = await send(desk, delivery_id)
        assert found.outcome is SendOutcome.DELIVERED


@pytest.mark.parametrize(
    ("code", "outcome", "detail"),
    [
        (200, SendOutcome.DELIVERED, "It answered 200."),
        (302, SendOutcome.FAILED, "It answered 302, a redirect, which is not followed."),
        (404, SendOutcome.FAILED, "It answered 404."),
        (410, SendOutcome.HOPELESS, "It answered 410 Gone."),
        (500, SendOutcome.FAILED, "It answered 500."),
    ],
    ids=["taken", "redirect", "unknown", "gone", "broken"],
)
async def test_what_an_answer_means(
    desk: Desk, code: int, outcome: SendOutcome, detail: str
) -> None:
    async with receiver(status(code)) as one:
        await desk.open(one.url)
        sent = await send(desk, await desk.event())
    assert (sent.outcome, sent.detail, sent.disables) == (outcome, detail, code == 410)
