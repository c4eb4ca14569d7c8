"""Calls of whose workflow Temporal knows nothing end with a bill and a report, as all others do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.bill_entries import used_of_timeline
from activities.billing import BillingActivities
from activities.call_records import CallRecordActivities
from activities.orphans import Orphans
from activities.prices import PriceBook
from contract.calls import CallStatus
from contract.endings import EndedBy, EndedReason
from contract.steps import WriteRecord
from contract.webhooks import EventType
from store.calls import Calls
from store.database import Database
from store.ledger import Ledger
from store.models import CallRow, LedgerRow
from store.transcripts import Transcripts, Turn
from tests.activities.test_webhook_events import Office
from tests.store.calls import NOON, entry


def after(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


@dataclass
class Watch:
    """A tenant's call, its receiver of reports, and who ends it. `dies_before`: so many writes of
    the end are not lived to see."""

    database: Database
    dies_before: int = 0
    call_id: str = ""
    office: Office = field(init=False)

    def __post_init__(self) -> None:
        self.office = Office(self.database)
        self._records = CallRecordActivities(self.database, "demo", "")
        billing = BillingActivities(self.database, PriceBook.load())
        self._orphans = Orphans(self.database, billing.settle_bill, self._write)

    async def _write(self, record: WriteRecord) -> None:
        if self.dies_before:
            self.dies_before -= 1
            raise ConnectionError("The worker was killed.")
        await self._records.write_record(record)

    async def call(self, *lines: float, **talk: Any) -> None:
        """`lines`: when its workflow wrote one onto the timeline."""
        await self.office.webhook("crm", EventType.CALL_ENDED, EventType.REPORT_READY)
        self.call_id = (await self.office.call()).call_id
        entries = tuple(
            entry(number, at=after(second)) for number, second in enumerate(lines, start=1)
        )
        await self._records.write_record(WriteRecord(call_id=self.call_id, entries=entries, **talk))

    async def talk(self) -> None:
        """Answered at second 3; the last that its workflow told is of second 40."""
        await self.call(1, 3, 40, status=CallStatus.IN_PROGRESS, answered_at=after(3))

    async def human_says(self, until: float) -> None:
        turn = Turn(
            call_id=self.call_id,
            source="atlas",
            source_seq=1,
            speaker="callee",
            text="Hello.",
            language="en-US",
            start=after(until - 1),
            end=after(until),
        )
        async with self.database.session() as session:
            await Transcripts(session).add([turn])

    async def finds_it(self, second: float) -> None:
        await self._orphans.finish(self.call_id, after(second))

    async def record(self) -> CallRow:
        async with self.database.reader() as session:
            row = await Calls(session).get(self.call_id)
        assert row is not None
        return row

    async def bill(self) -> LedgerRow | None:
        async with self.database.reader() as session:
            return await Ledger(session).get(self.call_id)

    async def billed_until(self) -> datetime:
        async with self.database.reader() as session:
            return used_of_timeline(await Calls(session).events(self.call_id)).ended_at


@pytest.fixture
async def watch(database_url: str) -> AsyncIterator[Watch]:
    database = Database(database_url)
    yield Watch(database)
    await database.aclose()


async def test_who_was_never_called_pays_nothing_and_is_told_so(watch: Watch) -> None:
    await watch.call()
    await watch.finds_it(120)
    row, bill = await watch.record(), await watch.bill()
    assert (row.ended_reason, row.ended_by) == (EndedReason.CANCELLED, EndedBy.PLATFORM)
    assert (row.ended_at, row.talk_seconds) == (after(120), 0)
    assert bill is not None
    assert (bill.total, bill.partial) == ("0.000000", False)
    assert sorted(await watch.office.types()) == [EventType.CALL_ENDED, EventType.REPORT_READY]


async def test_who_talked_pays_up_to_the_last_sign_of_them(watch: Watch) -> None:
    """Temporal lost its data at second 40; Atlas and the callee went on until 70."""
    await watch.talk()
    await watch.human_says(until=70)
    await watch.finds_it(3600)
    row, bill = await watch.record(), await watch.bill()
    assert row.ended_reason == EndedReason.OPERATOR_TERMINATED
    assert (row.ended_at, row.talk_seconds) == (after(70), 67)
    assert bill is not None
    assert bill.seconds["answered"] == "67.000"
    assert "An agent was gone before it could say what it used." in bill.partial_because
    assert sorted(await watch.office.types()) == [EventType.CALL_ENDED, EventType.REPORT_READY]


async def test_a_death_between_bill_and_end_is_made_good(watch: Watch) -> None:
    """The row is open still, so the next look finds it; bill and record agree on when it ended."""
    await watch.talk()
    watch.dies_before = 1
    with pytest.raises(ConnectionError):
        await watch.finds_it(120)
    assert (await watch.record()).status == CallStatus.IN_PROGRESS
    assert await watch.office.types() == []
    await watch.finds_it(180)
    row = await watch.record()
    assert (row.status, row.talk_seconds) == (CallStatus.ENDED, 37)
    assert row.ended_at == await watch.billed_until() == after(40)
    assert sorted(await watch.office.types()) == [EventType.CALL_ENDED, EventType.REPORT_READY]


async def test_a_call_that_ended_meanwhile_is_left_alone(watch: Watch) -> None:
    await watch.call(status=CallStatus.ENDED, ended_at=after(9))
    await watch.finds_it(120)
    assert (await watch.record()).ended_at == after(9)
    assert await watch.bill() is None
