"""Exact decimals of bills, for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def money(text: str | None) -> str:
    return "unknown" if text is None else f"{Decimal(text):,.6f}"


def number(text: str) -> str:
    """Without the zeros that say nothing; as it is where an agent told no number."""
    try:
        exact = Decimal(text)
    except ArithmeticError:
        return text
    return f"{exact.normalize():f}" if exact else "0"


def unit_price(item: dict[str, Any]) -> str:
    """`0.01 per 60` where no exact price of one unit exists."""
    if item["unit_price"] is None:
        return "?"
    per = number(item.get("per", "1"))
    return number(item["unit_price"]) + (f" per {per}" if per != "1" else "")
