"""Language models' list prices, as the package genai-prices has them: offline, of the day of its
release, which is pinned (pyproject.toml) and named on every line that such a price made."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from genai_prices import Usage, __version__, calc_price

from activities.prices import Price
from contract.facts import UsageItem

_SOURCE = f"genai-prices {__version__}"
_MILLION = Decimal(1_000_000)
# Our units, and what the package calls their prices; all are for a million tokens.
_NAMES = {
    "input_tokens": "input_mtok",
    "output_tokens": "output_mtok",
    "input_text_tokens": "input_mtok",
    "cached_input_text_tokens": "cache_read_mtok",
    "output_text_tokens": "output_mtok",
    "input_audio_tokens": "input_audio_mtok",
    "cached_input_audio_tokens": "cache_audio_read_mtok",
    "output_audio_tokens": "output_audio_mtok",
}


def list_price(item: UsageItem, at: datetime) -> Price | None:
    """In US dollars. None for what the package does not know, and for a price that depends on how
    long each prompt was: of a call only the sum is known."""
    name = _NAMES.get(item.unit)
    if item.what not in ("llm", "realtime") or name is None:
        return None
    try:
        found = calc_price(
            Usage(), item.model, provider_id=item.provider, genai_request_timestamp=at
        )
    except LookupError:
        return None
    amount = getattr(found.model_price, name, None)
    if not isinstance(amount, Decimal):
        return None
    return Price(amount=amount, per=_MILLION, source=_SOURCE)
