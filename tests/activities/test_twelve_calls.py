"""Bills of twelve calls, from their facts to the ledger, against what was computed by hand; and
made anew from their timelines, which must come to the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.bill_entries import used_of_timeline
from activities.billing import BillingActivities
from activities.bills import bill_of
from activities.prices import PriceBook, read_tables
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.facts import Fact
from contract.identity import new_call_id
from contract.phone import PhoneOrder
from contract.steps import WriteRecord
from store.calls import Calls, NewCall
from store.database import Database
from store.ledger import Ledger
from tests.activities.twelve_calls import TWELVE, KnownCall
from tests.workflows.test_call_state import BEGIN
from workflows.call_state import CallState
from workflows.journal import Journal

BOOK = PriceBook((read_tables(Path(__file__).with_name("prices_of_twelve.yaml")),))
OVER = BEGIN + timedelta(seconds=100)


@pytest.fixture
def database_kind() -> str:
    return "sqlite"  # what differs between the two is test_billing.py's


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.aclose()


def call_of(known: KnownCall) -> CallState:
    is_web = known.provider is Provider.WEB
    call_id = new_call_id()
    request = CallRequest(
        call_id=call_id,
        tenant_id="acme",
        direction=Direction.WEB if is_web else Direction.OUTBOUND,
        provider=known.provider,
        room_name=call_id,
        requested_at=BEGIN + timedelta(seconds=known.began),
        assistant_id="demo",
        human_identity="caller" if is_web else "phone",
        phone=None if known.trunk is None else PhoneOrder(trunk_id=known.trunk, to_number="+91"),
    )
    state = CallState(request, Journal("workflow"))
    state.room_sid = "RM_1"
    return state


def live(known: KnownCall) -> CallState:
    """As the workflow does: facts as they come, and at the end every hold is over."""
    state = call_of(known)
    for told in known.told:
        if isinstance(told, Fact):
            state.apply(told)
        else:
            told(state)
    assert state.ended_at is not None
    state.holds.close(state.ended_at)
    return state


async def insert(database: Database, state: CallState) -> None:
    request = state.request
    async with database.session() as session:
        await Calls(session).insert(
            NewCall(
                call_id=request.call_id,
                tenant_id=request.tenant_id,
                direction=request.direction,
                provider=request.provider,
                room_name=request.room_name,
                started_at=request.requested_at,
                trunk_id=request.phone.trunk_id if request.phone else None,
            )
        )


async def write(database: Database, state: CallState) -> None:
    async with database.session() as session:
        await Calls(session).write(
            WriteRecord(
                call_id=state.request.call_id,
                status=CallStatus.ENDED,
                answered_at=state.answered_at,
                ended_at=state.ended_at,
                ending=state.ending,
                talk_seconds=state.talk_seconds,
                entries=state.journal.take(),
            )
        )


@pytest.mark.parametrize("known", TWELVE, ids=str)
async def test_a_bill_is_what_comes_out_by_hand(database: Database, known: KnownCall) -> None:
    state = live(known)
    await insert(database, state)
    await write(database, state)

    await BillingActivities(database, BOOK).settle_bill(state.bill_order(OVER))

    async with database.reader() as session:
        bill = await Ledger(session).get(state.request.call_id)
        timeline = await Calls(session).events(state.request.call_id)
    assert bill is not None
    told = ("what", "model", "quantity", "unit_price", "per", "amount")
    assert [tuple(item[name] for name in told) for item in bill.items] == list(known.lines)
    assert (bill.total, bill.currency) == (known.total, "USD")
    assert bill.seconds == {"answered": known.answered, "held": known.held}
    assert (bill.partial_because, bill.partial) == (
        list(known.partial_because),
        bool(known.partial_because),
    )
    assert bill.price_table == known.price_table

    again = bill_of(used_of_timeline(timeline), BOOK)
    assert (list(again.items), str(again.total)) == (bill.items, bill.total)
    assert (again.seconds, list(again.partial_because)) == (bill.seconds, bill.partial_because)


@pytest.mark.parametrize("known", TWELVE, ids=str)
async def test_who_finishes_a_call_afterwards_counts_its_holds_from_the_timeline(
    database: Database, known: KnownCall
) -> None:
    """The janitor knows the facts, and an operator's hold is none."""
    state = live(known)
    await insert(database, state)
    await write(database, state)
    by_timeline = state.bill_order(OVER, knows_holds=False)

    await BillingActivities(database, BOOK).settle_bill(by_timeline)

    async with database.reader() as session:
        bill = await Ledger(session).get(state.request.call_id)
    assert bill is not None
    assert bill.seconds["held"] == known.held
