"""A leg's facts: floods are told together, and nothing follows the end."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

from bridge.legs import Ringing
from bridge.room.news import News
from contract.facts import FactKind
from contract.phone import LegReport
from tests.agents import virtual_clock
from tests.bridge.room.rig import Told

REPORT = LegReport(
    reason="hung-up", by="them", detail="", answered=True, ended_at=datetime.now(UTC)
)


async def test_a_180_that_is_repeated_is_told_once_and_early_media_once_more() -> None:
    told = Told()
    news = News(told)
    for ringing in (
        Ringing(180, False),
        Ringing(180, False),
        Ringing(183, True),
        Ringing(183, True),
    ):
        news.ringing(ringing)
    assert told.of(FactKind.RINGING) == [
        {"sip_status": 180, "early_media": False},
        {"sip_status": 183, "early_media": True},
    ]


async def test_keys_are_counted_together_by_the_first_ones_time() -> None:
    told = Told()
    news = News(told)
    began = datetime.now(UTC)
    news.key()
    first_key_by = datetime.now(UTC)
    for _ in range(4):
        await asyncio.sleep(0.01)
        news.key()
    assert not told.facts
    await asyncio.sleep(0.6)
    ((kind, data, at),) = told.facts
    assert (kind, data) == (FactKind.DTMF, {"count": 5})
    assert began <= at <= first_key_by


async def test_the_end_comes_after_the_keys_and_is_the_last() -> None:
    told = Told()
    news = News(told)
    news.key()
    news.ended(REPORT)
    news.ended(REPORT)
    news.key()
    news.tell(FactKind.QUALITY, {})
    await asyncio.sleep(0.6)
    assert told.kinds == ["dtmf", "leg_ended"]
    assert LegReport.from_data(told.facts[-1][1]) == REPORT


async def test_a_teller_that_fails_does_not_harm_the_call() -> None:
    class Failing(Told):
        def tell(self, kind: FactKind, data: dict[str, Any], at: datetime) -> None:
            raise RuntimeError("full")

    news = News(Failing())
    news.ringing(Ringing(180, False))
    news.ended(REPORT)


def flapping(changes: int, every: float) -> tuple[list[float], Told]:
    """When something was told, in seconds, of a far side that presses hold so often."""
    told, times = Told(), []

    class Timed(Told):
        def tell(self, kind: FactKind, data: dict[str, Any], at: datetime) -> None:
            told.tell(kind, data, at)
            times.append(virtual_clock.now())

    async def story() -> None:
        news = News(Timed())
        for number in range(changes):
            kind = FactKind.RESUMED if number % 2 else FactKind.HELD
            news.hold(kind, {"holder": "remote", "seq": number + 1})
            await asyncio.sleep(every)
        await asyncio.sleep(40)

    virtual_clock.run(story())
    return sorted(set(times)), told


def test_the_first_holds_are_told_at_once() -> None:
    times, told = flapping(21, 0.25)
    assert times == [round(0.25 * number, 3) for number in range(21)]
    assert [data["seq"] for _, data, _ in told.facts] == list(range(1, 22))


def test_a_far_side_that_flaps_for_an_hour_is_told_of_now_and_then_and_wholly() -> None:
    times, told = flapping(4 * 3600, 0.25)
    assert [data["seq"] for _, data, _ in told.facts] == list(range(1, 4 * 3600 + 1))
    seconds = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) < 30 + 170 * 0.25 / 5 + 3600 / 30 + 5
    assert min(seconds[30:]) >= 4.99
    assert min(seconds[45:]) >= 29.99


def test_whoever_holds_now_and_then_is_told_of_at_once_also_in_a_long_call() -> None:
    times, _ = flapping(400, 40.0)
    assert times == [40.0 * number for number in range(400)]


def test_keys_without_end_are_told_of_now_and_then() -> None:
    told = Told()

    async def story() -> None:
        news = News(told)
        for _ in range(36_000):
            news.key()
            await asyncio.sleep(0.1)
        news.ended(REPORT)

    virtual_clock.run(story())
    assert sum(data["count"] for data in told.of(FactKind.DTMF)) == 36_000
    assert len(told.of(FactKind.DTMF)) < 250 + 3600 / 30


def test_the_end_brings_what_still_waited() -> None:
    told = Told()

    async def story() -> None:
        news = News(told)
        for number in range(50):
            news.hold(FactKind.HELD, {"holder": "remote", "seq": number})
        news.key()
        news.ended(REPORT)
        await asyncio.sleep(60)

    virtual_clock.run(story())
    assert told.kinds == ["held"] * 30 + ["dtmf"] + ["held"] * 20 + ["leg_ended"]
