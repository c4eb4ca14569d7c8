from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.bill_entries import counted_entry, settled_entry
from activities.bills import Used, bill_of, held_of
from activities.call_metrics import count_cost
from activities.holds_told import holds_told
from activities.prices import PriceBook
from activities.store_errors import unknown_calls_are_final
from activities.webhook_events import tell_report
from contract.steps import BillSettled, SettleBill, Step, WriteRecord
from store.calls import Calls
from store.database import Database
from store.ledger import Ledger
from store.models import CallRow

_NAMELESS = ("",)  # of a workflow that only said that somebody did not report


class BillingActivities:
    """Turns what a call used into one ledger row, once."""

    def __init__(
        self, database: Database, prices: PriceBook, written: Callable[[], None] = lambda: None
    ) -> None:
        """`written` hears of each bill, which may have left a report for webhooks."""
        self._database = database
        self._prices = prices
        self._written = written

    @activity.defn(name=Step.SETTLE_BILL)
    async def settle_bill(self, order: SettleBill) -> BillSettled:
        """Computed from the facts' own times, never from a clock here; the first row wins."""
        with unknown_calls_are_final():
            return await self._settle(order)

    async def _settle(self, order: SettleBill) -> BillSettled:
        async with self._database.session() as session:
            # First, as it raises for a call that was withdrawn: the ledger would only refuse.
            call = await Calls(session).write(WriteRecord(call_id=order.call_id))
            # The call's row is locked: nobody settles between the look and the write.
            is_first = await Ledger(session).get(order.call_id) is None
            used = await _used(session, order, call)
            bill = bill_of(used, self._prices)
            row = await Ledger(session).settle(
                call_id=order.call_id,
                tenant_id=order.tenant_id,
                total=str(bill.total),
                currency=bill.currency,
                partial=bill.partial,
                items=list(bill.items),
                price_table=bill.price_table,
                partial_because=list(bill.partial_because),
                seconds=bill.seconds,
            )
            counted = (counted_entry(order, used),) if is_first else ()
            entries = (*counted, settled_entry(order, row))
            call = await Calls(session).write(WriteRecord(call_id=order.call_id, entries=entries))
            await tell_report(session, call)
        self._written()
        if is_first:
            priced = [line for line in bill.items if line["amount"]]
            count_cost([(line["what"], Decimal(line["amount"])) for line in priced])
        return BillSettled(str(row.total), row.currency, row.partial)


async def _used(session: AsyncSession, order: SettleBill, call: CallRow) -> Used:
    held = order.held
    if held is None:
        held = held_of(holds_told(await Calls(session).holds(order.call_id), order.ended_at))
    return Used(
        tenant_id=order.tenant_id,
        provider=order.provider,
        trunk_id=call.trunk_id,
        started_at=call.started_at,
        answered_at=order.answered_at,
        ended_at=order.ended_at,
        held=held,
        usage=order.usage,
        agents=order.agents,
        missing=order.usage_missing or (() if order.usage_complete else _NAMELESS),
    )
