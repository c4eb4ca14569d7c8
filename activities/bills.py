"""One call's bill: from what was used and what it cost then. No clock and no store in here, so the
same is computed when it is settled and whenever somebody checks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from activities.prices import AGENT, TELEPHONY, Price, PriceBook, Prices
from contract.calls import Provider
from contract.facts import UsageItem
from contract.identity import AgentRole
from contract.steps import AgentStay

MICRO = Decimal("0.000001")
_MILLISECOND = Decimal("0.001")
_TOO_MUCH = Decimal(10) ** 15  # of anything: nobody used that, and its price has no exact decimal
_LONGEST_EXACT = 15  # digits after the point; a longer unit price is told for `per` units


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """All that a bill is made of; times are the facts' own."""

    tenant_id: str
    provider: Provider
    trunk_id: str | None
    started_at: datetime
    answered_at: datetime | None  # None: nobody answered, so nothing is charged
    ended_at: datetime
    held: timedelta
    usage: tuple[UsageItem, ...] = ()
    agents: tuple[AgentStay, ...] = ()
    missing: tuple[str, ...] = ()  # agents that never said what they used

    @property
    def talked(self) -> Decimal:
        """Seconds from the answer to the end, holds and all; never negative."""
        if self.answered_at is None:
            return Decimal(0)
        return _seconds(self.ended_at - self.answered_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    items: tuple[dict[str, Any], ...]
    total: Decimal
    currency: str
    price_table: str
    partial_because: tuple[str, ...]
    seconds: dict[str, str]  # answered, held

    @property
    def partial(self) -> bool:
        return bool(self.partial_because)


def bill_of(used: Used, book: PriceBook) -> Bill:
    """Each line is rounded to the millionth, half up; the total is the sum of the lines."""
    prices = book.at(used.started_at)
    is_answered = used.answered_at is not None
    lines = list(_lines(used, prices)) if is_answered else []
    because = [_never_told(agent) for agent in used.missing if is_answered]
    because += [line.why for line in lines if line.why]
    known = [line.amount for line in lines if line.amount is not None]
    return Bill(
        items=tuple(line.item for line in lines),
        total=sum(known, Decimal(0)).quantize(MICRO),
        currency=prices.currency,
        price_table=prices.version,
        partial_because=tuple(dict.fromkeys(because)),
        seconds={
            "answered": str(used.talked.quantize(_MILLISECOND)),
            "held": str(min(_seconds(used.held), used.talked).quantize(_MILLISECOND)),
        },
    )


def billed_seconds(talked: Decimal, price: Price) -> Decimal:
    """As carriers round: 60/60 makes 61 s two minutes, 30/6 makes 31 s 36 s."""
    if talked <= price.initial:
        return price.initial
    steps = ((talked - price.initial) / price.increment).to_integral_value(ROUND_CEILING)
    return price.initial + steps * price.increment


@dataclass(frozen=True, slots=True)
class _Line:
    item: dict[str, Any]
    amount: Decimal | None
    why: str = ""  # there is no amount


def _lines(used: Used, prices: Prices) -> Iterator[_Line]:
    if used.provider is not Provider.WEB:
        yield _telephony(used, prices)
    yield from _agents(used, prices)
    for item in used.usage:
        yield _usage(item, prices)


def _telephony(used: Used, prices: Prices) -> _Line:
    trunk = used.trunk_id or ""
    price = prices.of_trunk(used.tenant_id, trunk)
    quantity = used.talked if price is None else billed_seconds(used.talked, price)
    item = UsageItem(
        what=TELEPHONY,
        provider=used.provider.value,
        model=trunk,
        quantity=_plain(quantity),
        unit="seconds",
    )
    of = f"calls over the trunk {trunk!r}" if trunk else "calls that no trunk of ours carried"
    return _line(item, quantity, price, prices, of)


def _agents(used: Used, prices: Prices) -> Iterator[_Line]:
    """How long each was with the human, whichever of its generations."""
    for role in AgentRole:
        stays = [_within(used, stay) for stay in used.agents if stay.role is role]
        quantity = sum(stays, Decimal(0))
        if quantity:
            item = UsageItem(
                what=AGENT,
                provider="switchboard",
                model=role.value,
                quantity=_plain(quantity),
                unit="seconds",
            )
            of = f"the agent {role.value!r}"
            yield _line(item, quantity, prices.of_agent(role.value), prices, of)


def _within(used: Used, stay: AgentStay) -> Decimal:
    assert used.answered_at is not None
    until = min(stay.until or used.ended_at, used.ended_at)
    return _seconds(until - max(stay.since, used.answered_at))


def _usage(item: UsageItem, prices: Prices) -> _Line:
    of = f"{item.unit} of {item.provider} {item.model}".strip()
    return _line(item, _quantity(item), prices.of_usage(item), prices, of)


def _line(
    item: UsageItem, quantity: Decimal | None, price: Price | None, prices: Prices, of: str
) -> _Line:
    amount, why = None, ""
    if quantity is None:
        why = f"{item.quantity!r} {item.unit} of {item.provider} {item.model} is no quantity."
    elif price is None and not prices.tables:
        why = f"No price table is valid for a call that began at {prices.at:%Y-%m-%d %H:%M} UTC."
    elif price is None:
        why = f"The price table {prices.version} has no price of {of}."
    else:
        exact = quantity * price.amount / price.per
        amount = exact.quantize(MICRO, rounding=ROUND_HALF_UP)
    unit_price, per = _unit_price(price)
    return _Line(
        {
            "what": item.what,
            "provider": item.provider,
            "model": item.model,
            "quantity": item.quantity,
            "unit": item.unit,
            "unit_price": unit_price,
            "per": per,
            "amount": None if amount is None else str(amount),
            "price_table": "" if price is None else price.source,
            "why": why,
        },
        amount,
        why,
    )


def _unit_price(price: Price | None) -> tuple[str | None, str]:
    """Of one unit where that comes out even, else as the table has it: 0.01 for 60."""
    if price is None:
        return None, "1"
    one = price.amount / price.per
    if one * price.per == price.amount and -_exponent(one) <= _LONGEST_EXACT:
        return _plain(one), "1"
    return _plain(price.amount), _plain(price.per)


def _never_told(agent: str) -> str:
    return f"{agent or 'An agent'} was gone before it could say what it used."


def _quantity(item: UsageItem) -> Decimal | None:
    """None for what is no number: such a line makes the bill partial, it never stops it."""
    try:
        quantity = Decimal(item.quantity)
    except InvalidOperation:
        return None
    return quantity if quantity.is_finite() and 0 <= quantity < _TOO_MUCH else None


def _seconds(span: timedelta) -> Decimal:
    micros = Decimal(span // timedelta(microseconds=1)) * MICRO
    return max(micros, Decimal(0)).quantize(_MILLISECOND, rounding=ROUND_HALF_UP)


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # a finite number's
    return exponent


def _plain(number: Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    return f"{number.normalize():f}" if number else "0"


def held_of(holds: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How long somebody held, whoever: holds that overlap count once."""
    held, until = timedelta(0), None
    for begin, end in sorted(holds):
        since = begin if until is None else max(begin, until)
        if end > since:
            held += end - since
        until = end if until is None else max(until, end)
    return held
