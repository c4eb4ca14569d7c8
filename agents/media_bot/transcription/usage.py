"""What the providers heard of one call, for its bill."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from agents.media_bot.transcription.providers import Provider
from contract.facts import UsageItem

_MILLISECOND = Decimal("0.001")


class HeardSeconds:
    def __init__(self) -> None:
        self._seconds: defaultdict[Provider, Decimal] = defaultdict(Decimal)

    def add(self, provider: Provider, seconds: float) -> None:
        # Through repr, the shortest text that means this float: no binary tail reaches the bill.
        self._seconds[provider] += Decimal(repr(seconds))

    def items(self) -> list[dict[str, Any]]:
        return [
            asdict(
                UsageItem(
                    what="stt",
                    provider=provider.value,
                    model=provider.model,
                    quantity=str(seconds.quantize(_MILLISECOND, rounding=ROUND_HALF_UP)),
                    unit="audio_seconds",
                )
            )
            for provider, seconds in self._seconds.items()
            if seconds > 0
        ]
