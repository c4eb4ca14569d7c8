"""Tokens of models that no table of ours lists: the package's list prices, or none."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version

import pytest

from activities.llm_prices import list_price
from activities.prices import PriceBook
from contract.facts import UsageItem

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def tokens(provider: str, model: str, unit: str = "input_tokens", what: str = "llm") -> UsageItem:
    return UsageItem(what=what, provider=provider, model=model, quantity="1000", unit=unit)


def test_a_model_that_only_the_package_knows_has_its_list_price() -> None:
    price = PriceBook.load(elsewhere=list_price).at(NOW).of_usage(tokens("openai", "gpt-4o-mini"))
    assert price is not None
    assert (price.amount, price.per) == (Decimal("0.15"), 1_000_000)
    assert price.source == f"genai-prices {version('genai-prices')}"


def test_our_own_table_comes_first() -> None:
    known = tokens("groq", "llama-3.3-70b-versatile")
    price = PriceBook.load(elsewhere=list_price).at(NOW).of_usage(known)
    assert price is not None
    assert price.source == "2026-11-01"


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(tokens("openai", "no-such-model"), id="model"),
        pytest.param(tokens("nobody", "gpt-4o-mini"), id="provider"),
        pytest.param(tokens("openai", ""), id="no-model-told"),
        pytest.param(tokens("openai", "gpt-4o-mini", unit="characters"), id="unit"),
        pytest.param(tokens("openai", "gpt-4o-mini", what="tts"), id="no-language-model"),
        pytest.param(tokens("google", "gemini-2.5-pro"), id="price-by-the-prompts-length"),
    ],
)
def test_what_it_does_not_know_has_no_price(item: UsageItem) -> None:
    assert list_price(item, NOW) is None
