"""Calls are counted where the store settles them: once, however often an activity is repeated."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from activities.billing import BillingActivities
from activities.call_metrics import write_and_count
from activities.prices import PriceBook
from contract.calls import CallStatus, Direction, Provider, TimelineEntry
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import UsageItem
from contract.identity import new_call_id
from contract.janitor import CUT_OFF_KIND, CutOff
from contract.steps import SettleBill, WriteRecord
from store.calls import Calls, NewCall
from store.database import Database
from store.transcripts import Transcripts, Turn

CHECKOUT = Path(__file__).parents[2]
ASKED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANSWERED, ENDED = ASKED + timedelta(seconds=2), ASKED + timedelta(seconds=62)
HUNG_UP = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "The caller hung up.")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite+aiosqlite:///{tmp_path}/metrics.db")
    await opened.migrate()
    yield opened
    await opened.aclose()


@pytest.fixture
async def call_id(database: Database) -> str:
    new = NewCall(
        call_id=new_call_id(),
        tenant_id="acme",
        direction=Direction.WEB,
        provider=Provider.WEB,
        room_name="room",
        started_at=ASKED,
    )
    async with database.session() as session:
        await Calls(session).insert(new)
    return new.call_id


class Counted:
    """How much each metric has grown since."""

    def __init__(self) -> None:
        self._before = self._all()

    @staticmethod
    def _all() -> dict[str, float]:
        return {
            sample.name + "".join(f" {name}={value}" for name, value in sample.labels.items()): (
                sample.value
            )
            for family in REGISTRY.collect()
            for sample in family.samples
            if family.name.startswith("call") and not sample.name.endswith(("_bucket", "_created"))
        }

    def grown(self) -> dict[str, float]:
        now = self._all()
        return {
            name: round(value - self._before.get(name, 0.0), 6)
            for name, value in now.items()
            if value != self._before.get(name, 0.0)
        }


async def test_a_call_is_counted_once_on_its_whole_way(database: Database, call_id: str) -> None:
    counted = Counted()
    ringing = WriteRecord(call_id=call_id, status=CallStatus.RINGING)
    answered = WriteRecord(call_id=call_id, status=CallStatus.IN_PROGRESS, answered_at=ANSWERED)
    ended = WriteRecord(
        call_id=call_id,
        status=CallStatus.ENDED,
        ended_at=ENDED,
        ending=HUNG_UP,
        talk_seconds=60.0,
        entries=(*hold(1, "operator", 10, 25), *hold(3, "remote", 40, None)),
    )
    async with database.session() as session:
        await Transcripts(session).add(
            [turn(call_id, 2, "assistant", 9.0), turn(call_id, 1, "assistant", 2.4)]
        )
    for record in (ringing, ringing, answered, answered, ringing, ended, ended):
        await write_and_count(database, record)
    assert counted.grown() == {
        "calls_started_total provider=web direction=web": 1,
        "call_setup_seconds_count provider=web direction=web": 1,
        "call_setup_seconds_sum provider=web direction=web": 2,
        "calls_ended_total reason=caller_hung_up ended_by=caller": 1,
        "call_answer_to_first_word_seconds_count": 1,
        "call_answer_to_first_word_seconds_sum": 0.4,
        "call_hold_seconds_count": 2,
        "call_hold_seconds_sum": 15 + 22,
    }


async def test_a_call_that_never_rang_has_started_and_ended(
    database: Database, call_id: str
) -> None:
    counted = Counted()
    over = WriteRecord(call_id=call_id, status=CallStatus.ENDED, ended_at=ENDED, ending=HUNG_UP)
    await write_and_count(database, over)
    assert counted.grown() == {
        "calls_started_total provider=web direction=web": 1,
        "calls_ended_total reason=caller_hung_up ended_by=caller": 1,
    }


async def test_a_call_that_was_cut_off_is_counted_once(database: Database, call_id: str) -> None:
    """However often the janitor is repeated."""
    counted = Counted()
    line = TimelineEntry(
        source="janitor",
        source_seq=1,
        at=ENDED,
        actor="operator",
        kind=CUT_OFF_KIND,
        text="The call's workflow was terminated.",
        data={"how": CutOff.TERMINATED.value},
    )
    for _ in range(2):
        await write_and_count(database, WriteRecord(call_id=call_id, entries=(line,)))
    assert counted.grown() == {"calls_cut_off_total how=terminated": 1}


async def test_money_is_counted_once_and_under_known_names(
    database: Database, call_id: str
) -> None:
    counted = Counted()
    billing = BillingActivities(database, PriceBook.load())
    heard = UsageItem(
        what="stt", provider="deepgram", model="nova-3", quantity="120", unit="audio_seconds"
    )
    used = [heard, replace(heard, model="nobody knows it")]
    order = SettleBill(
        call_id=call_id,
        tenant_id="acme",
        answered_at=ANSWERED,
        usage=tuple(used),
        direction=Direction.WEB,
        provider=Provider.WEB,
        ended_at=ENDED,
        settled_at=ENDED,
    )
    for _ in range(3):
        await billing.settle_bill(order)
    assert counted.grown() == {"call_cost_total item=stt": float(Decimal("0.0154"))}


def test_the_first_call_that_ends_in_some_way_is_a_growth_and_not_a_new_series() -> None:
    counted = {
        (sample.labels["reason"], sample.labels["ended_by"])
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "calls_ended_total"
    }
    packages = ("workflows", "activities", "api", "contract")
    written = set().union(*map(endings_in, packages))
    assert len(written) > 10
    assert written <= counted


def endings_in(package: str) -> set[tuple[str, str]]:
    """The reason and blame of every ending that the code names."""
    return {
        (EndedReason[found[1]].value, EndedBy[found[2]].value)
        for file in (CHECKOUT / package).rglob("*.py")
        for found in re.finditer(r"EndedReason\.(\w+),\s+EndedBy\.(\w+)", file.read_text())
        if file.name != "call_metrics.py"
    }


def hold(seq: int, holder: str, begin: float, end: float | None) -> list[TimelineEntry]:
    entries = [entry(seq, "held", holder, begin)]
    if end is not None:
        entries.append(entry(seq + 1, "resumed", holder, end))
    return entries


def entry(seq: int, kind: str, holder: str, at: float) -> TimelineEntry:
    return TimelineEntry(
        source="test",
        source_seq=seq,
        at=ASKED + timedelta(seconds=at),
        actor=holder,
        kind=kind,
        text=kind,
        data={"holder": holder},
    )


def turn(call_id: str, seq: int, speaker: str, at: float) -> Turn:
    return Turn(
        call_id=call_id,
        source="atlas-1",
        source_seq=seq,
        speaker=speaker,
        text="words",
        start=ASKED + timedelta(seconds=at),
        end=ASKED + timedelta(seconds=at + 1),
    )
