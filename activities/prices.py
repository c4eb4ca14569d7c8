from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from contract.facts import UsageItem

_SHIPPED = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Dated prices per unit; exact decimals, one currency."""

    version: str
    currency: str
    amounts: dict[tuple[str, str, str, str], Decimal]

    @classmethod
    def load(cls, path: Path = _SHIPPED) -> PriceTable:
        raw = tomllib.loads(path.read_text())
        return cls(
            version=raw["version"],
            currency=raw["currency"],
            amounts={
                (row["what"], row["provider"], row["model"], row["unit"]): Decimal(row["amount"])
                for row in raw["price"]
            },
        )

    def unit_price(self, item: UsageItem) -> Decimal | None:
        """None when nobody knows what this model costs."""
        key = (item.what, item.provider.lower(), item.model, item.unit)
        return self.amounts.get(key)
