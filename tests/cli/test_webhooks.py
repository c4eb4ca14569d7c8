"""Webhooks from the command line, against the real API and its database."""

from __future__ import annotations

from contract.webhooks import DeliveryStatus, NoteWebhook, SendOutcome, WebhookSent
from store.webhook_deliveries import Deliveries
from tests.cli.conftest import Installation, Switchboard
from tests.store.calls import NOON
from tests.webhook_desk import TENANT, Desk

CREATE = ("webhooks", "create", "https://crm.example/hook", "--event", "call.ended")


async def dead_letter(installation: Installation, desk: Desk) -> str:
    delivery_id = await desk.event()
    sent = WebhookSent(
        outcome=SendOutcome.FAILED, at=NOON, detail="It answered 503.", http_status=503, answer="No"
    )
    note = NoteWebhook(
        delivery_id=delivery_id, attempt=1, sent=sent, status=DeliveryStatus.DEAD, next_at=None
    )
    async with installation.service.parts.database.session() as session:
        await Deliveries(session).note(note)
    return delivery_id


async def test_a_webhook_is_made_listed_and_deleted(switchboard: Switchboard) -> None:
    made = await switchboard(*CREATE, "--event", "call.held", "--description", "CRM")
    assert made.code == 0, made.err
    assert made.out.startswith("whsec_")
    listed = (await switchboard("webhooks", "list", "--json")).document["items"]
    assert [item["events"] for item in listed] == [["call.ended", "call.held"]]
    assert "secret" not in listed[0]
    shown = await switchboard("webhooks", "list")
    assert "https://crm.example/hook" in shown.out
    gone = await switchboard("webhooks", "delete", listed[0]["id"], "--yes")
    assert gone.code == 0
    assert (await switchboard("webhooks", "delete", listed[0]["id"], "--yes")).code == 3


async def test_a_private_address_is_invalid(switchboard: Switchboard) -> None:
    refused = await switchboard("webhooks", "create", "http://10.0.0.1/", "--event", "call.ended")
    assert refused.code == 5
    assert "WEBHOOK_PRIVATE_NETWORKS" in refused.err


async def test_dead_letters_are_shown_and_delivered_again(
    installation: Installation, switchboard: Switchboard
) -> None:
    desk = Desk(installation.service.parts.database)
    await desk.open("https://crm.example/hook")
    first, second = [await dead_letter(installation, desk) for _ in range(2)]
    shown = await switchboard("webhooks", "deliveries", "--status", "dead")
    assert first in shown.out
    assert "It answered 503." in shown.out
    found = (await switchboard("webhooks", "deliveries", "--json")).document["items"]
    assert [item["attempts"][0]["answer"] for item in found] == ["No", "No"]
    again = await switchboard("webhooks", "redeliver", first, "--json")
    assert again.document["items"][0]["number"] == 2
    twice = await switchboard("webhooks", "redeliver", first)
    assert twice.code == 6
    # The first one is under way, and no dead letter any more.
    rest = await switchboard("webhooks", "redeliver", "--dead", "--yes")
    assert rest.code == 0, rest.err
    assert "Delivering 1 again." in rest.err
    async with desk.database.reader() as session:
        waiting = await Deliveries(session).not_handed(10)
        of_second = (await Deliveries(session).get(TENANT, second)).event.id
    again_ids = {one.row.id for one in waiting if one.row.number == 2}
    assert len(again_ids) == 2
    assert of_second in {one.event.id for one in waiting}


async def test_a_dead_letter_that_is_refused_does_not_keep_the_others(
    installation: Installation, switchboard: Switchboard
) -> None:
    desk, gone = [
        Desk(installation.service.parts.database, name) for name in ("hook_1", "hook_gone")
    ]
    await gone.open("https://gone.example/hook")
    await dead_letter(installation, gone)
    await gone.delete()
    await desk.open("https://crm.example/hook")
    await dead_letter(installation, desk)
    sent = await switchboard("webhooks", "redeliver", "--dead", "--yes")
    assert sent.code == 0, sent.err
    assert "Delivering 1 again; 1 refused." in sent.err


async def test_what_is_to_be_delivered_again_has_to_be_said(switchboard: Switchboard) -> None:
    for arguments in ((), ("whd_1", "--dead"), ("whd_1", "--webhook", "hook_1")):
        assert (await switchboard("webhooks", "redeliver", *arguments)).code == 2
    assert (await switchboard("webhooks", "redeliver", "whd_1")).code == 3
