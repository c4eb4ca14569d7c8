"""What a call's record tells webhooks: every event once, with what its receiver needs of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activities.billing import BillingActivities
from activities.call_records import CallRecordActivities
from activities.prices import PriceBook
from contract.calls import CallStatus, Direction, Provider, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.retention import Kept
from contract.steps import ChooseAssistant, SettleBill, WriteRecord, WriteRecording
from contract.webhooks import EventType
from store.assistants import Assistants
from store.calls import Calls, NewCall
from store.database import Database
from store.erasures import Erasures
from store.recordings import Recordings
from store.webhook_models import DeliveryRow, WebhookEventRow, WebhookRow
from store.webhooks import Webhooks
from tests.store.calls import NOON, entry, new_call

ENDED = NOON + timedelta(seconds=60)
HUNG_UP = CallEnding(EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE, "They hung up.")
TO = "+919876500100"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.aclose()


class Office:
    """A tenant's webhooks, its calls' activities, and what these left for webhooks."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.written = 0
        self.records = CallRecordActivities(database, "demo", "", self._written)
        self.billing = BillingActivities(database, PriceBook.load(), self._written)

    def _written(self) -> None:
        self.written += 1

    async def webhook(self, name: str, *events: EventType, **changes: Any) -> None:
        row = WebhookRow(
            tenant_id=changes.pop("tenant_id", "acme"),
            id=name,
            url="https://crm.example/hook",
            events=[event.value for event in events or EventType],
            description="",
            enabled=changes.pop("enabled", True),
            sealed_secret="sealed",
        )
        async with self.database.session() as session:
            await Webhooks(session).create(row)

    async def call(self, **changes: Any) -> NewCall:
        call = new_call(
            direction=Direction.OUTBOUND,
            provider=Provider.BRIDGE,
            trunk_id="mumbai",
            to_number=TO,
            from_number="+911140001122",
            metadata={"customer": "4711"},
            **changes,
        )
        async with self.database.session() as session:
            await Calls(session).insert(call)
        return call

    async def told(self, webhook: str = "crm") -> list[Any]:
        """In the order of writing."""
        async with self.database.reader() as session:
            rows = await session.execute(
                select(WebhookEventRow.body)
                .join(DeliveryRow, DeliveryRow.event_id == WebhookEventRow.id)
                .where(DeliveryRow.webhook_id == webhook)
                .order_by(DeliveryRow.created_at)
            )
        return [json.loads(body) for body in rows.scalars()]

    async def types(self, webhook: str = "crm") -> list[str]:
        return [event["type"] for event in await self.told(webhook)]


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def story(call_id: str) -> list[WriteRecord]:
    """An ordinary phone call's writes."""
    held = entry(4, kind="held", actor="callee", data={"holder": "remote", "seq": 1})
    resumed = entry(5, kind="resumed", actor="callee", data={"holder": "remote", "seq": 2})
    return [
        WriteRecord(
            call_id=call_id,
            status=CallStatus.RINGING,
            entries=(entry(1), entry(2, kind="ringing", actor="callee")),
        ),
        WriteRecord(
            call_id=call_id,
            status=CallStatus.IN_PROGRESS,
            answered_at=NOON + timedelta(seconds=3),
            entries=(entry(3, kind="answered", actor="callee"),),
        ),
        WriteRecord(call_id=call_id, status=CallStatus.ON_HOLD, entries=(held,)),
        WriteRecord(call_id=call_id, status=CallStatus.IN_PROGRESS, entries=(resumed,)),
        ended(call_id, 6),
    ]


def ended(call_id: str, source_seq: int) -> WriteRecord:
    return WriteRecord(
        call_id=call_id,
        status=CallStatus.ENDED,
        ended_at=ENDED,
        ending=HUNG_UP,
        talk_seconds=57.0,
        entries=(entry(source_seq, kind="ended"),),
    )


def bill(call_id: str, *, recorded: bool) -> SettleBill:
    return SettleBill(
        call_id=call_id,
        tenant_id="acme",
        direction=Direction.OUTBOUND,
        provider=Provider.BRIDGE,
        answered_at=NOON,
        ended_at=ENDED,
        settled_at=ENDED,
        recorded=recorded,
    )


def recording(call_id: str, status: RecordingStatus, source_seq: int) -> WriteRecording:
    return WriteRecording(
        call_id=call_id,
        status=status,
        attempts=1,
        detail="In words.",
        duration_seconds=57.0,
        entries=(entry(source_seq, source="recording", kind=f"recording_{status.value}"),),
    )


async def test_a_calls_story_is_told_event_by_event_in_order(office: Office) -> None:
    await office.webhook("crm")
    call = await office.call()
    for update in story(call.call_id):
        await office.records.write_record(update)
    told = await office.told()
    assert [event["type"] for event in told] == [
        "call.started",
        "call.ringing",
        "call.answered",
        "call.held",
        "call.resumed",
        "call.ended",
    ]
    moments = [event["timestamp"] for event in told]
    assert moments == sorted(moments)
    assert told[2]["data"]["answered_at"] == told[2]["timestamp"] == "2026-11-21T12:00:03Z"
    assert [told[place]["data"]["holder"] for place in (3, 4)] == ["remote", "remote"]
    assert told[-1]["data"] == {
        "call_id": call.call_id,
        "direction": "outbound",
        "provider": "bridge",
        "assistant_id": "demo",
        "trunk_id": "mumbai",
        "started_at": "2026-11-21T12:00:00Z",
        "answered_at": "2026-11-21T12:00:03Z",
        "ended_at": "2026-11-21T12:01:00Z",
        "ended_reason": "callee_hung_up",
        "ended_by": "callee",
        "talk_seconds": 57.0,
    }
    assert office.written == 5


async def test_no_telephone_number_is_in_an_event(office: Office) -> None:
    await office.webhook("crm")
    call = await office.call()
    for update in story(call.call_id):
        await office.records.write_record(update)
    await office.billing.settle_bill(bill(call.call_id, recorded=False))
    text = json.dumps(await office.told())
    assert TO[1:] not in text
    assert "4711" not in text


async def test_a_repeated_activity_tells_nothing_again(office: Office) -> None:
    await office.webhook("crm")
    call = await office.call()
    for update in story(call.call_id):
        await office.records.write_record(update)
        await office.records.write_record(update)
    assert len(await office.told()) == 6


async def test_a_webhook_gets_what_it_asked_for_of_its_own_tenant(office: Office) -> None:
    await office.webhook("crm", EventType.CALL_ENDED, EventType.CALL_HELD)
    await office.webhook("everything")
    await office.webhook("off", enabled=False)
    await office.webhook("elsewhere", tenant_id="other")
    call = await office.call()
    for update in story(call.call_id):
        await office.records.write_record(update)
    assert await office.types("crm") == ["call.held", "call.ended"]
    assert len(await office.types("everything")) == 6
    assert await office.types("off") == await office.types("elsewhere") == []
    async with office.database.reader() as session:
        rows = (await session.execute(select(DeliveryRow.event_id, DeliveryRow.id))).all()
    # The same event has one id, whoever gets it.
    assert (len({row.event_id for row in rows}), len({row.id for row in rows})) == (6, 8)


async def test_a_call_that_was_never_answered_says_so(office: Office) -> None:
    await office.webhook("crm")
    call = await office.call()
    await office.records.write_record(replace(ended(call.call_id, 1), talk_seconds=0.0))
    told = await office.told()
    assert [event["type"] for event in told] == ["call.started", "call.ended"]
    assert told[-1]["data"]["answered_at"] is None


async def test_a_room_of_others_is_told_of_once_its_tenant_is_known(office: Office) -> None:
    await office.webhook("crm")
    await office.webhook("of the default tenant", tenant_id="default")
    async with office.database.session() as session:
        await Assistants(session).create("acme", "desk", {})
    call = await office.call(tenant_id="default", assistant_id=None)
    joined = WriteRecord(
        call_id=call.call_id,
        status=CallStatus.IN_PROGRESS,
        answered_at=NOON + timedelta(seconds=1),
        entries=(entry(1, kind="participant_joined"),),
    )
    await office.records.write_record(joined)
    assert await office.types("of the default tenant") == []
    for _ in range(2):
        await office.records.choose_assistant(ChooseAssistant(call.call_id, "desk"))
    await office.records.write_record(ended(call.call_id, 2))
    assert await office.types("of the default tenant") == []
    assert await office.types() == ["call.started", "call.answered", "call.ended"]


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (RecordingStatus.READY, "call.recording.ready"),
        (RecordingStatus.NEEDS_ATTENTION, "call.recording.failed"),
        (RecordingStatus.LOST, "call.recording.failed"),
    ],
    ids=["ready", "needs attention", "lost"],
)
async def test_how_a_recording_came_out_is_told(
    office: Office, status: RecordingStatus, event: str
) -> None:
    await office.webhook("crm")
    call = await office.call()
    await office.records.write_recording(recording(call.call_id, RecordingStatus.RECORDING, 1))
    for _ in range(2):
        await office.records.write_recording(recording(call.call_id, status, 2))
    told = await office.told()
    assert [one["type"] for one in told] == [event]
    assert told[0]["data"]["recording"] == {
        "status": status.value,
        "detail": "In words.",
        "attempts": 1,
        "duration_seconds": 57.0,
        "size_bytes": None,
        "sha256": None,
    }


async def test_a_recording_that_a_retry_heals_is_told_a_second_time(office: Office) -> None:
    await office.webhook("crm")
    call = await office.call()
    news = (RecordingStatus.NEEDS_ATTENTION, RecordingStatus.RECORDING, RecordingStatus.READY)
    for source_seq, status in enumerate(news, start=1):
        await office.records.write_recording(recording(call.call_id, status, source_seq))
    assert await office.types() == ["call.recording.failed", "call.recording.ready"]


async def test_what_a_retry_finds_of_a_deleted_recording_is_told_to_nobody(
    office: Office,
) -> None:
    """Nobody may have it, and the next round of retention deletes it."""
    await office.webhook("crm", EventType.RECORDING_READY, EventType.RECORDING_FAILED)
    call = await office.call()
    await office.records.write_record(ended(call.call_id, 1))
    await office.records.write_recording(recording(call.call_id, RecordingStatus.LOST, 1))
    async with office.database.session() as session:
        await Erasures(session).ask(call.call_id, Kept.RECORDING, "desk", "GDPR 17")
        row = await Recordings(session).get(call.call_id)
        assert row is not None
        assert await Erasures(session).recording_is_gone(call.call_id, 0, row.updated_at)
    for source_seq, status in enumerate((RecordingStatus.READY, RecordingStatus.LOST), start=2):
        await office.records.write_recording(recording(call.call_id, status, source_seq))
    assert await office.types() == ["call.recording.failed"]


@pytest.mark.parametrize("last", ["record", "bill", "recording"])
async def test_the_report_is_told_once_when_the_last_of_its_parts_is_there(
    office: Office, last: str
) -> None:
    await office.webhook("crm", EventType.REPORT_READY)
    call = await office.call(record=True)
    parts = {
        "record": lambda: office.records.write_record(ended(call.call_id, 1)),
        "bill": lambda: office.billing.settle_bill(bill(call.call_id, recorded=True)),
        "recording": lambda: office.records.write_recording(
            recording(call.call_id, RecordingStatus.READY, 1)
        ),
    }
    final = parts.pop(last)
    for write in parts.values():
        await write()
        await write()
    assert await office.told() == []
    await final()
    await final()
    (report,) = await office.told()
    assert report["data"]["recording"]["status"] == "ready"
    # Nobody has said what its carrier costs.
    assert report["data"]["cost"] == {"total": "0.000000", "currency": "USD", "partial": True}
    assert report["data"]["ended_reason"] == "callee_hung_up"


async def test_a_call_without_a_recording_reports_with_its_bill(office: Office) -> None:
    await office.webhook("crm", EventType.REPORT_READY)
    call = await office.call()
    await office.records.write_record(ended(call.call_id, 1))
    await office.billing.settle_bill(bill(call.call_id, recorded=False))
    (report,) = await office.told()
    assert report["data"]["recording"] == {"status": "not_requested"}


async def test_who_was_unhappy_is_told_without_their_identity(office: Office) -> None:
    await office.webhook("crm", EventType.NEGATIVE_RUN)
    call = await office.call()
    run = {"participant": f"sip_{TO}", "turns": 3, "compound": -0.7, "detail": "x"}
    unhappy = entry(2, kind="negative_run", data=run)
    await office.records.write_record(WriteRecord(call_id=call.call_id, entries=(unhappy,)))
    (told,) = await office.told()
    assert {name: told["data"][name] for name in ("turns", "compound")} == {
        "turns": 3,
        "compound": -0.7,
    }
    assert TO[1:] not in json.dumps(told)
