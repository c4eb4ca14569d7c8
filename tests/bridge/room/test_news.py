"""A leg's facts: floods are told together, and nothing follows the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from bridge.legs import Ringing
from bridge.room.news import News
from contract.facts import FactKind
from contract.phone import LegReport
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
    for _ in range(5):
        news.key()
        await asyncio.sleep(0.01)
    assert not told.facts
    await asyncio.sleep(0.6)
    ((kind, data, at),) = told.facts
    assert (kind, data) == (FactKind.DTMF, {"count": 5})
    assert (at - began).total_seconds() < 0.02


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
