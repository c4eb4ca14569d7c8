"""What things cost: dated tables of prices, in exact decimals. docs/billing.md has their format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]

from contract.errors import SettingsError
from contract.facts import UsageItem

TELEPHONY, AGENT = "telephony", "agent"
ANY_TRUNK = "*"
_SHIPPED = Path(__file__).with_name("prices.yaml")
_TABLE_KEYS = {"version", "valid_from", "currency", "entries"}
_PRICE_KEYS = {"what", "price", "per"}
_KEYS_OF = {TELEPHONY: {"trunk", "tenant", "initial", "increment"}, AGENT: {"model"}}
_KEYS_OF_USAGE = {"provider", "model", "unit"}
_HIGHEST = 10**9
_USAGE = ("stt", "llm", "tts", "realtime")

Key = tuple[str, str, str, str]
"""What, provider (of telephony: the tenant), model (of telephony: the trunk), unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """`amount` for `per` units. `initial` and `increment` are telephony's, in seconds: the first
    seconds are charged as a whole, and those after them in steps."""

    amount: Decimal
    source: str  # the table's version
    per: Decimal = Decimal(1)
    initial: Decimal = Decimal(1)
    increment: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """One of a file's tables, in one currency, as somebody published it."""

    version: str
    valid_from: datetime
    currency: str  # ISO 4217
    entries: dict[Key, Price]


Elsewhere = Callable[[UsageItem, datetime], Price | None]
"""Prices of others, in US dollars, of what no table names."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Those of one moment: the first table that names a thing says what it costs."""

    at: datetime
    tables: tuple[PriceTable, ...]
    currency: str
    elsewhere: Elsewhere | None

    @property
    def version(self) -> str:
        return self.tables[0].version if self.tables else ""

    def of_usage(self, item: UsageItem) -> Price | None:
        """None when nobody knows what this model costs."""
        found = self._listed((item.what, item.provider.lower(), item.model, item.unit))
        if found is None and self.elsewhere is not None and self.currency == "USD":
            found = self.elsewhere(item, self.at)
        return found

    def of_trunk(self, tenant_id: str, trunk_id: str) -> Price | None:
        """A tenant's own entry comes first, as two tenants may have trunks of one name."""
        return self._listed(
            *(
                (TELEPHONY, tenant, trunk, "seconds")
                for trunk in (trunk_id, ANY_TRUNK)
                for tenant in (tenant_id, "")
            )
        )

    def of_agent(self, role: str) -> Price | None:
        return self._listed((AGENT, "", role, "seconds"))

    def _listed(self, *keys: Key) -> Price | None:
        found = (table.entries.get(key) for table in self.tables for key in keys)
        return next((price for price in found if price is not None), None)


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every table there is: an installation's own ones before those we ship."""

    shelves: tuple[tuple[PriceTable, ...], ...]
    elsewhere: Elsewhere | None = None

    @classmethod
    def load(cls, own: Path | None = None, elsewhere: Elsewhere | None = None) -> PriceBook:
        """Raises SettingsError, which says what is wrong where in `own`."""
        shelves: tuple[tuple[PriceTable, ...], ...] = (read_tables(_SHIPPED),)
        if own is not None:
            try:
                shelves = (read_tables(own), *shelves)
            except (OSError, ValueError) as wrong:
                raise SettingsError(f"PRICE_TABLE cannot be used: {wrong}") from wrong
        return cls(shelves, elsewhere)

    def at(self, moment: datetime) -> Prices:
        """What was valid then. Tables in another currency than the first one are left out."""
        valid = [
            max(begun, key=lambda table: table.valid_from)
            for tables in self.shelves
            if (begun := [table for table in tables if table.valid_from <= moment])
        ]
        currency = valid[0].currency if valid else self.shelves[0][0].currency
        same = tuple(table for table in valid if table.currency == currency)
        return Prices(moment, same, currency, self.elsewhere)


def read_tables(path: Path) -> tuple[PriceTable, ...]:
    """Raises OSError, or ValueError with a sentence that names the place in the file."""
    try:
        # Every scalar as it was written: a number read as a float is not the one in the file.
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, list) or not found:
        raise ValueError(f"{path.name} is not a list of price tables.")
    tables = tuple(_table(raw, f"{path.name}, table {n}") for n, raw in enumerate(found, start=1))
    for what, names in (
        ("version", [table.version for table in tables]),
        ("valid_from", [table.valid_from.isoformat() for table in tables]),
    ):
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{path.name} has two tables whose {what} is {twice}.")
    return tables


def _table(raw: object, place: str) -> PriceTable:
    fields = _fields(raw, place, needed=_TABLE_KEYS, allowed=_TABLE_KEYS)
    version, currency = str(fields["version"]), str(fields["currency"])
    if not 0 < len(version) <= 64:
        raise ValueError(f"{place}: version has 1 to 64 characters.")
    if not (len(currency) == 3 and currency.isalpha() and currency.isupper()):
        raise ValueError(f"{place}: currency {currency!r} is no ISO 4217 code, such as USD.")
    if not isinstance(fields["entries"], list):
        raise ValueError(f"{place}: entries is not a list.")
    entries: dict[Key, Price] = {}
    for key, price in _entries(fields["entries"], version, place):
        if key in entries:
            raise ValueError(f"{place}: there are two prices of {' '.join(filter(None, key))}.")
        entries[key] = price
    return PriceTable(
        version=version,
        valid_from=_moment(fields["valid_from"], place),
        currency=currency,
        entries=entries,
    )


def _entries(raw: Sequence[object], version: str, place: str) -> Iterator[tuple[Key, Price]]:
    for number, one in enumerate(raw, start=1):
        here = f"{place}, entry {number}"
        what = str(one.get("what", "")) if isinstance(one, dict) else ""
        if what not in (*_USAGE, TELEPHONY, AGENT):
            known = ", ".join((*_USAGE, TELEPHONY, AGENT))
            raise ValueError(f"{here}: what is {what!r}, it must be one of {known}.")
        own = _KEYS_OF.get(what, _KEYS_OF_USAGE)
        needed = {"what", "price"} | (own - {"tenant", "initial", "increment"})
        fields = _fields(one, here, needed=needed, allowed=_PRICE_KEYS | own)
        yield (
            _key(what, fields),
            Price(
                amount=_number(fields, "price", here),
                source=version,
                per=_number(fields, "per", here, default="1", positive=True),
                initial=_number(fields, "initial", here, default="1"),
                increment=_number(fields, "increment", here, default="1", positive=True),
            ),
        )


def _key(what: str, fields: dict[str, Any]) -> Key:
    if what == TELEPHONY:
        return what, str(fields.get("tenant", "")), str(fields["trunk"]), "seconds"
    if what == AGENT:
        return what, "", str(fields["model"]), "seconds"
    return what, str(fields["provider"]).lower(), str(fields["model"]), str(fields["unit"])


def _fields(raw: object, place: str, *, needed: set[str], allowed: set[str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError(f"{place} is not an object.")
    if missing := sorted(needed - raw.keys()):
        raise ValueError(f"{place} lacks {', '.join(missing)}.")
    if unknown := sorted(map(str, raw.keys() - allowed)):
        raise ValueError(f"{place} has {', '.join(unknown)}, which nobody reads here.")
    return raw


def _number(
    fields: dict[str, Any], name: str, place: str, *, default: str = "", positive: bool = False
) -> Decimal:
    text = str(fields.get(name, default))
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{place}: {name} {text!r} is no number.") from None
    if not number.is_finite() or not 0 <= number < _HIGHEST or (positive and number == 0):
        least = "above" if positive else "at least"
        raise ValueError(f"{place}: {name} {text!r} must be {least} 0 and below {_HIGHEST}.")
    return number


def _moment(text: object, place: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{place}: valid_from {text!r} is no date in ISO 8601.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
