"""`switchboard bills`: what one call cost, line by line."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from cli import command as commands
from cli.amounts import money, number, unit_price
from cli.calls.commands import CallId, safe
from cli.command import Session, command
from cli.errors import CliError, Exit
from cli.screen import Screen, plain

group = commands.group("bills", "What calls cost, and by which prices.")


@command(group)
def show(session: Session, call: CallId) -> None:
    """One call's bill: each line's quantity, price and amount, and what is missing and why.

    Exit code 6 while the bill is not settled: a minute after the call's end it is.
    """
    record = session.api.get(f"/calls/{safe(call)}")
    cost = record["cost"]
    if cost is None:
        raise CliError(Exit.CONFLICT, _not_yet(record))
    if session.as_json:
        session.screen.document({"call_id": record["call_id"], **cost})
        return
    _show(session.screen, record, cost)


def _not_yet(record: dict[str, Any]) -> str:
    if record["status"] != "ended":
        return "The call is not over; its bill is settled after its end."
    return "The bill is not settled yet; docs/billing.md says what to do if that lasts."


def _show(screen: Screen, record: dict[str, Any], cost: dict[str, Any]) -> None:
    currency = plain(cost["currency"])
    screen.fields(_head(record, cost), title=record["call_id"])
    if cost["items"]:
        screen.table(
            ("ITEM", "OF", "QUANTITY", "UNIT", "UNIT PRICE", f"AMOUNT {currency}", "PRICES"),
            (_row(item) for item in cost["items"]),
        )
    screen.out.print(Text(f"Total {money(cost['total'])} {currency}", style="bold"))
    if cost["partial"]:
        screen.out.print(Text("This bill is partial:", style="yellow"))
        for sentence in cost["partial_because"] or ["Some usage was never reported."]:
            screen.out.print(Text(f"  {plain(sentence)}"), soft_wrap=True)


def _head(record: dict[str, Any], cost: dict[str, Any]) -> dict[str, str | None]:
    counted = cost["seconds"]
    talked = held = None
    if record["answered_at"] is None:
        talked = "nobody answered, so nothing is charged"
    elif counted is not None:
        talked = f"{number(counted['answered'])} s from answer to end"
        held = f"{number(counted['held'])} s of them" if counted["held"] != "0.000" else None
    return {"talk": talked, "on hold": held, "price table": cost["price_table"] or None}


def _row(item: dict[str, Any]) -> tuple[Text | str, ...]:
    of = " ".join(filter(None, (item["provider"], item["model"])))
    amount = Text(money(item["amount"]), style="yellow" if item["amount"] is None else "")
    return (
        item["what"],
        of,
        number(item["quantity"]),
        item["unit"],
        unit_price(item),
        amount,
        item["price_table"],
    )
