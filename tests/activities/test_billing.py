"""Exactly one bill a call, however often and by however many workers it is settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from activities.bill_entries import COUNTED, SETTLED, used_of_timeline
from activities.billing import BillingActivities
from activities.bills import Used, bill_of
from activities.prices import PriceBook
from contract.calls import Direction, Provider
from contract.facts import UsageItem
from contract.identity import new_call_id
from contract.steps import SettleBill
from store.calls import Calls, NewCall
from store.database import Database
from store.ledger import Ledger
from store.models import LedgerRow

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPOKEN = UsageItem(
    what="tts",
    provider="elevenlabs",
    model="eleven_turbo_v2_5",
    quantity="100",
    unit="characters",
)


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[list[Database]]:
    """Two processes' connections."""
    opened = [Database(database_url) for _ in range(2)]
    yield opened
    for database in opened:
        await database.aclose()


async def a_call(database: Database, provider: Provider = Provider.WEB) -> SettleBill:
    call_id = new_call_id()
    async with database.session() as session:
        await Calls(session).insert(
            NewCall(
                call_id=call_id,
                tenant_id="acme",
                direction=Direction.WEB if provider is Provider.WEB else Direction.OUTBOUND,
                provider=provider,
                room_name=call_id,
                started_at=NOON,
            )
        )
    return SettleBill(
        call_id=call_id,
        tenant_id="acme",
        direction=Direction.WEB,
        provider=provider,
        answered_at=NOON + timedelta(seconds=2),
        ended_at=NOON + timedelta(seconds=62),
        settled_at=NOON + timedelta(seconds=63),
        usage=(SPOKEN,),
    )


async def test_two_workers_that_settle_again_and_again_write_one_bill(
    workers: list[Database],
) -> None:
    """A retried activity may know more than the one before it: what was settled stays settled."""
    order = await a_call(workers[0])
    louder = replace(order, usage=(replace(SPOKEN, quantity="900"),))
    offices = [BillingActivities(database, PriceBook.load()) for database in workers]

    told = await asyncio.gather(
        *(
            office.settle_bill(each)
            for _ in range(3)
            for office in offices
            for each in (order, louder)
        )
    )

    assert len(set(told)) == 1
    async with workers[1].reader() as session:
        assert await session.scalar(select(func.count()).select_from(LedgerRow)) == 1
        bill = await Ledger(session).get(order.call_id)
        timeline = await Calls(session).events(order.call_id)
    assert bill is not None
    assert (bill.total, bill.currency, bill.partial) == (
        told[0].total,
        told[0].currency,
        told[0].partial,
    )
    assert sorted(event.kind for event in timeline) == sorted([COUNTED, SETTLED])
    assert str(bill_of(used_of_timeline(timeline), PriceBook.load()).total) == bill.total


async def test_a_bill_that_was_settled_keeps_its_prices(workers: list[Database]) -> None:
    """Also when a worker with a newer table repeats the activity."""
    order = await a_call(workers[0])
    first = await BillingActivities(workers[0], PriceBook.load()).settle_bill(order)
    unlisted = PriceBook(tuple((replace(t, entries={}),) for (t,) in PriceBook.load().shelves))
    assert await BillingActivities(workers[1], unlisted).settle_bill(order) == first


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param(
            {"usage_complete": False, "usage_missing": ("atlas-1",)},
            "atlas-1 was gone before it could say what it used.",
            id="an-agent-was-killed",
        ),
        pytest.param(
            {"usage_complete": False},
            "An agent was gone before it could say what it used.",
            id="a-workflow-of-before-told-it",
        ),
        pytest.param(
            {"usage": (replace(SPOKEN, model="nobody knows it"),)},
            "The price table 2026-11-01 has no price of characters of elevenlabs nobody knows it.",
            id="a-model-without-a-price",
        ),
        pytest.param(
            {"usage": (replace(SPOKEN, quantity="many"),)},
            "'many' characters of elevenlabs eleven_turbo_v2_5 is no quantity.",
            id="no-number",
        ),
        pytest.param(
            {"usage": (replace(SPOKEN, quantity="1e300"),)},
            "'1e300' characters of elevenlabs eleven_turbo_v2_5 is no quantity.",
            id="more-than-there-is",
        ),
    ],
)
async def test_a_partial_bill_says_why(
    workers: list[Database], changes: dict[str, object], sentence: str
) -> None:
    order = replace(await a_call(workers[0]), **changes)  # type: ignore[arg-type]
    assert (await BillingActivities(workers[0], PriceBook.load()).settle_bill(order)).partial
    async with workers[0].reader() as session:
        bill = await Ledger(session).get(order.call_id)
        timeline = await Calls(session).events(order.call_id)
    assert bill is not None
    assert bill.partial_because == [sentence]
    assert timeline[-1].data["partial_because"] == [sentence]


async def test_a_trunk_without_a_price_is_no_trunk_for_free(workers: list[Database]) -> None:
    order = await a_call(workers[0], Provider.BRIDGE)
    await BillingActivities(workers[0], PriceBook.load()).settle_bill(order)
    async with workers[0].reader() as session:
        bill = await Ledger(session).get(order.call_id)
    assert bill is not None
    telephony = bill.items[0]
    assert (telephony["quantity"], telephony["amount"], bill.total) == ("60", None, "0.005000")
    assert bill.partial_because == [
        "The price table 2026-11-01 has no price of calls that no trunk of ours carried."
    ]


def used(**changes: object) -> Used:
    values: dict[str, object] = {
        "tenant_id": "acme",
        "provider": Provider.WEB,
        "trunk_id": None,
        "started_at": NOON,
        "answered_at": NOON,
        "ended_at": NOON + timedelta(seconds=10),
        "held": timedelta(0),
    }
    return Used(**(values | changes))  # type: ignore[arg-type]


def test_clocks_that_disagree_make_no_negative_bill() -> None:
    backwards = used(ended_at=NOON - timedelta(seconds=5), held=timedelta(seconds=3))
    assert bill_of(backwards, PriceBook.load()).seconds == {"answered": "0.000", "held": "0.000"}


def test_what_began_before_every_table_has_no_price_and_says_so() -> None:
    long_ago = datetime(2019, 5, 1, 10, 30, tzinfo=UTC)
    bill = bill_of(used(started_at=long_ago, usage=(SPOKEN,)), PriceBook.load())
    assert bill.partial_because == (
        "No price table is valid for a call that began at 2019-05-01 10:30 UTC.",
    )
