"""What a bridge tells of a leg: in order, in pieces, and to the last word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from activities.fact_teller import FactTeller
from contract.facts import Fact, FactKind, FactSource

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Temporal:
    def __init__(self) -> None:
        self.is_there = asyncio.Event()
        self.is_there.set()
        self.heard: list[Sequence[Fact]] = []

    async def deliver(self, facts: Sequence[Fact]) -> None:
        if not self.is_there.is_set():
            raise ConnectionError
        self.heard.append(facts)


async def test_a_leg_is_told_by_its_own_clock_and_in_its_own_order() -> None:
    temporal = Temporal()
    teller = FactTeller(temporal.deliver)
    for second, kind in enumerate((FactKind.RINGING, FactKind.ANSWERED, FactKind.LEG_ENDED)):
        teller.tell(kind, {"n": second}, AT + timedelta(seconds=second))
    await teller.told(1.0)
    facts = [fact for facts in temporal.heard for fact in facts]
    assert [fact.kind for fact in facts] == ["ringing", "answered", "leg_ended"]
    assert [fact.at for fact in facts] == [AT + timedelta(seconds=n) for n in range(3)]
    assert {(fact.source, fact.generation) for fact in facts} == {(FactSource.BRIDGE, 1)}
    assert [fact.seq for fact in facts] == [1, 2, 3]
    await teller.aclose()


async def test_a_flood_goes_in_pieces() -> None:
    temporal = Temporal()
    teller = FactTeller(temporal.deliver)
    began = time.monotonic()
    for _ in range(30):
        teller.tell(FactKind.DTMF, {"count": 1}, AT)
        await asyncio.sleep(0.02)
    await teller.told(2.0)
    assert len(temporal.heard) <= 2 + 2 * (time.monotonic() - began)
    await teller.aclose()


async def test_nobody_waits_for_a_temporal_that_is_away_longer_than_it_wants() -> None:
    temporal = Temporal()
    temporal.is_there.clear()
    teller = FactTeller(temporal.deliver)
    teller.tell(FactKind.LEG_ENDED, {}, AT)
    began = time.monotonic()
    await teller.told(0.1)
    assert time.monotonic() - began < 5  # it would wait for ever
    closing = asyncio.create_task(teller.aclose())
    await asyncio.sleep(0.1)
    temporal.is_there.set()
    await closing  # the last word has arrived
    assert [facts[0].kind for facts in temporal.heard] == [FactKind.LEG_ENDED]
