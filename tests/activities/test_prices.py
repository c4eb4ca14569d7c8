"""Price tables: which one is valid, whose price comes first, and what a wrong file is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from activities.bills import billed_seconds
from activities.prices import Price, PriceBook, read_tables
from contract.errors import SettingsError
from contract.facts import UsageItem

SANDBOX = Path(__file__).parents[2] / "sandbox" / "stack" / "prices.yaml"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPOKEN = UsageItem(
    what="tts",
    provider="ElevenLabs",
    model="eleven_turbo_v2_5",
    quantity="1",
    unit="characters",
)
OWN = """
- version: spring
  valid_from: 2026-03-01
  currency: USD
  entries:
    - what: tts
      provider: elevenlabs
      model: eleven_turbo_v2_5
      unit: characters
      price: 0.04
      per: 1000
    - {what: telephony, trunk: main, price: 0.1}
    - {what: telephony, trunk: main, tenant: acme, price: 0.2}
    - {what: telephony, trunk: "*", price: 0.3}
- version: autumn
  valid_from: 2026-09-01T00:00:00+05:30
  currency: USD
  entries: []
"""


def book(path: Path, text: str = OWN) -> PriceBook:
    path.write_text(text)
    return PriceBook.load(path)


def test_the_newest_table_that_was_valid_then_counts(tmp_path: Path) -> None:
    prices = book(tmp_path / "own.yaml")
    at = {
        moment: prices.at(datetime.fromisoformat(moment)).version
        for moment in (
            "2026-02-28T23:59:59+00:00",
            "2026-03-01T00:00:00+00:00",
            "2026-08-31T18:29:59+00:00",
            "2026-08-31T18:30:00+00:00",
        )
    }
    assert list(at.values()) == ["2026-11-01", "spring", "spring", "autumn"]


def test_an_installations_own_price_comes_first_and_ours_fills_in(tmp_path: Path) -> None:
    prices = book(tmp_path / "own.yaml")
    spring = prices.at(datetime(2026, 4, 1, tzinfo=UTC)).of_usage(SPOKEN)
    autumn = prices.at(NOW).of_usage(SPOKEN)
    assert spring is not None
    assert autumn is not None
    assert (spring.amount, spring.source) == (Decimal("0.04"), "spring")
    assert (autumn.amount, autumn.source) == (Decimal("0.05"), "2026-11-01")


def test_tables_in_another_currency_do_not_fill_in(tmp_path: Path) -> None:
    prices = book(tmp_path / "own.yaml", OWN.replace("USD", "EUR")).at(NOW)
    assert (prices.currency, prices.of_usage(SPOKEN)) == ("EUR", None)


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("deepgram", "nova-3", "0.462"),
        ("groq", "whisper-large-v3-turbo", "0.04"),
        ("elevenlabs", "scribe_v2_realtime", "0.39"),
        ("openai", "gpt-4o-mini-transcribe", "0.18"),
    ],
)
def test_an_hour_of_hearing_costs_what_vendors_say_it_does(
    provider: str, model: str, dollars: str
) -> None:
    """To the last digit, which a price of a second would not have."""
    item = UsageItem(
        what="stt", provider=provider, model=model, quantity="3600", unit="audio_seconds"
    )
    price = PriceBook.load().at(NOW).of_usage(item)
    assert price is not None
    assert price.amount * 3600 == Decimal(dollars) * price.per


@pytest.mark.parametrize(
    ("tenant", "trunk", "amount"),
    [
        pytest.param("acme", "main", "0.2", id="the-tenants-own"),
        pytest.param("other", "main", "0.1", id="a-trunk-of-that-name"),
        pytest.param("acme", "spare", "0.3", id="any-trunk"),
    ],
)
def test_a_trunks_price(tmp_path: Path, tenant: str, trunk: str, amount: str) -> None:
    found = book(tmp_path / "own.yaml").at(datetime(2026, 4, 1, tzinfo=UTC)).of_trunk(tenant, trunk)
    assert found is not None
    assert found.amount == Decimal(amount)


def test_a_trunk_that_nobody_lists_has_no_price() -> None:
    assert PriceBook.load().at(NOW).of_trunk("acme", "main") is None


def test_the_stack_has_prices_of_its_own_trunks() -> None:
    prices = PriceBook.load(SANDBOX).at(NOW)
    assert prices.of_trunk("default", "sandbox") is not None
    assert prices.of_trunk("default", "sandbox-livekit-sip") is not None
    assert prices.of_usage(SPOKEN) is not None


@pytest.mark.parametrize(
    ("initial", "increment", "talked", "billed"),
    [
        pytest.param(60, 60, "0", 60, id="an-answered-call-of-no-time"),
        pytest.param(60, 60, "60", 60, id="exactly-a-minute"),
        pytest.param(60, 60, "60.001", 120, id="a-millisecond-more"),
        pytest.param(30, 6, "30", 30, id="the-first-half-minute"),
        pytest.param(30, 6, "36.001", 42, id="the-second-step"),
        pytest.param(1, 1, "0.2", 1, id="a-second-that-has-begun"),
        pytest.param(0, 1, "0", 0, id="nothing-for-nothing"),
    ],
)
def test_seconds_are_rounded_as_carriers_do(
    initial: int, increment: int, talked: str, billed: int
) -> None:
    price = Price(
        amount=Decimal(1),
        source="test",
        initial=Decimal(initial),
        increment=Decimal(increment),
    )
    assert billed_seconds(Decimal(talked), price) == billed


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        pytest.param("price: 0.1}", "price: ten}", "entry 2: price 'ten' is no number", id="word"),
        pytest.param("price: 0.1}", "price: -1}", "entry 2: price '-1' must be", id="negative"),
        pytest.param("price: 0.1}", "price: nan}", "entry 2: price 'nan' must be", id="nan"),
        pytest.param("per: 1000", "per: 0", "entry 1: per '0' must be above 0", id="per-nothing"),
        pytest.param("      unit: characters\n", "", "entry 1 lacks unit", id="lacks-unit"),
        pytest.param("trunk: main, p", "trunk: main, cost: 1, p", "has cost, which", id="unknown"),
        pytest.param("what: tts", "what: speech", "what is 'speech', it must be", id="what"),
        pytest.param(", tenant: acme", "", "two prices of telephony main seconds", id="twice"),
        pytest.param(
            "version: autumn", "version: spring", "two tables whose version", id="version"
        ),
        pytest.param("2026-03-01", "in March", "valid_from 'in March' is no date", id="date"),
        pytest.param("currency: USD", "currency: $", "no ISO 4217 code", id="currency"),
        pytest.param("entries: []", "entries: none", "entries is not a list", id="entries"),
        pytest.param("- version: spring", "{", "is no YAML", id="no-yaml"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in OWN
    with pytest.raises(SettingsError, match=r"PRICE_TABLE cannot be used: own\.yaml") as refused:
        book(tmp_path / "own.yaml", OWN.replace(old, new, 1))
    assert sentence in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PRICE_TABLE cannot be used: .*missing\.yaml"):
        PriceBook.load(tmp_path / "missing.yaml")


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "exact.yaml").write_text(OWN.replace("0.04", "0.04000000000000000001"))
    (spring, _) = read_tables(tmp_path / "exact.yaml")
    amounts = {price.amount for price in spring.entries.values()}
    assert Decimal("0.04000000000000000001") in amounts
