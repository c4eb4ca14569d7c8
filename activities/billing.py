from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from temporalio import activity

from activities.call_metrics import count_cost
from activities.prices import PriceTable
from activities.store_errors import unknown_calls_are_final
from activities.webhook_events import tell_report
from contract.calls import TimelineEntry
from contract.facts import UsageItem
from contract.steps import BillSettled, SettleBill, Step, WriteRecord
from store.calls import Calls
from store.database import Database
from store.ledger import Ledger

_CENT_FRACTION = Decimal("0.000001")  # micro-units, as the ledger keeps them


class BillingActivities:
    """Turns what a call used into one ledger row, once."""

    def __init__(
        self, database: Database, prices: PriceTable, written: Callable[[], None] = lambda: None
    ) -> None:
        """`written` hears of each bill, which may have left a report for webhooks."""
        self._database = database
        self._prices = prices
        self._written = written

    @activity.defn(name=Step.SETTLE_BILL)
    async def settle_bill(self, order: SettleBill) -> BillSettled:
        """Computed from the facts' own times, never from a clock here; the first row wins."""
        items = [self._line(item) for item in order.usage if order.answered_at]
        total = sum((Decimal(line["amount"]) for line in items if line["amount"]), Decimal(0))
        partial = not order.usage_complete or any(line["amount"] is None for line in items)
        with unknown_calls_are_final():
            return await self._write(order, items, total, partial)

    async def _write(
        self, order: SettleBill, items: list[dict[str, Any]], total: Decimal, partial: bool
    ) -> BillSettled:
        async with self._database.session() as session:
            # First, as it raises for a call that was withdrawn: the ledger would only refuse.
            await Calls(session).write(WriteRecord(call_id=order.call_id))
            # The call's row is locked: nobody settles between the look and the write.
            is_first = await Ledger(session).get(order.call_id) is None
            row = await Ledger(session).settle(
                call_id=order.call_id,
                tenant_id=order.tenant_id,
                total=str(total.quantize(_CENT_FRACTION)),
                currency=self._prices.currency,
                partial=partial,
                items=items,
            )
            bill = BillSettled(str(row.total), row.currency, row.partial)
            call = await Calls(session).write(
                WriteRecord(call_id=order.call_id, entries=(_entry(order, bill),))
            )
            await tell_report(session, call)
        self._written()
        if is_first:
            priced = [line for line in items if line["amount"]]
            count_cost([(line["what"], Decimal(line["amount"])) for line in priced])
        return bill

    def _line(self, item: UsageItem) -> dict[str, Any]:
        price = self._prices.unit_price(item)
        quantity = _quantity(item)
        amount = None if price is None or quantity is None else quantity * price
        return {
            "what": item.what,
            "provider": item.provider,
            "model": item.model,
            "quantity": item.quantity,
            "unit": item.unit,
            "unit_price": None if price is None else str(price),
            "amount": None if amount is None else str(amount.quantize(_CENT_FRACTION)),
            "price_table": self._prices.version,
        }


def _entry(order: SettleBill, bill: BillSettled) -> TimelineEntry:
    return TimelineEntry(
        source="billing",
        source_seq=1,
        at=order.settled_at,
        actor="platform",
        kind="bill_settled",
        text=f"The bill is settled: {bill.total} {bill.currency}.",
        data={"partial": bill.partial, "recorded": order.recorded},
    )


def _quantity(item: UsageItem) -> Decimal | None:
    """None for what is no number: such a line makes the bill partial, it never stops it."""
    try:
        quantity = Decimal(item.quantity)
    except InvalidOperation:
        return None
    return quantity if quantity.is_finite() and quantity >= 0 else None
