"""How the database finds a page of calls: by an index in the list's order, whatever is filtered by.

A list that has to be sorted, or read to its end, is quick while a tenant has few calls.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, insert, text

from contract.calls import CallStatus, Direction, RecordingStatus
from contract.endings import EndedReason
from contract.identity import new_call_id
from contract.recordings_wanted import RecordingsWanted
from store.call_pages import CallPage, calls_of
from store.cursors import cursor_of
from store.database import Database
from store.models import CallRow, RecordingRow
from store.recording_pages import RecordingPage, recordings_of
from tests.store.calls import NOON

CALLS = 8_000
LATER_PAGE = cursor_of((NOON + timedelta(seconds=CALLS // 2)).isoformat(), "call_x")
RARE = RecordingStatus.NEEDS_ATTENTION


def call(number: int) -> dict[str, Any]:
    """Of ten calls one is of the rarer kind, in each respect another one."""

    def rare(of_ten: int) -> bool:
        return number // 2 % 10 == of_ten

    call_id = new_call_id()
    return {
        "call_id": call_id,
        "tenant_id": "acme" if number % 2 else "other",
        "direction": "outbound" if rare(1) else "web",
        "provider": "web",
        "assistant_id": "bar" if rare(2) else "desk",
        "room_name": call_id,
        "human_identity": "caller",
        "status": "ringing" if rare(3) else "in_progress" if number % 3 else "ended",
        "ended_reason": "silence_timeout" if rare(4) else "caller_hung_up",
        "started_at": NOON + timedelta(seconds=number),
    }


async def fill(database: Database) -> None:
    calls = [call(number) for number in range(CALLS)]
    recordings = [
        {
            "call_id": call["call_id"],
            "status": RARE if number % 400 == 1 else "ready",
            "updated_at": NOON,
        }
        for number, call in enumerate(calls)
    ]
    async with database.session() as session:
        await session.execute(insert(CallRow), calls)
        await session.execute(insert(RecordingRow), recordings)
    async with database.session() as session:
        await session.execute(text("ANALYZE"))  # which PostgreSQL does by itself, after a while


def is_sqlite(database: Database) -> bool:
    return database.engine.dialect.name == "sqlite"


async def plan_of(database: Database, query: Select[Any]) -> str:
    sql = query.compile(database.engine.sync_engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if is_sqlite(database) else "EXPLAIN"
    async with database.reader() as session:
        lines = (await session.execute(text(f"{explain} {sql}".replace(":", r"\:")))).all()
    return "\n".join(str(line[-1]) for line in lines)


@pytest.fixture
async def filled(database: Database) -> Database:
    """SQLite plans without ever counting rows, so it needs none."""
    if not is_sqlite(database):
        await fill(database)
    return database


async def test_a_page_is_read_from_an_index_in_its_order(filled: Database) -> None:
    filters: dict[str, list[dict[str, Any]]] = {
        "ix_calls_tenant_started": [{}, {"started_after": NOON + timedelta(seconds=CALLS // 4)}],
        "ix_calls_tenant_direction": [{"direction": Direction.OUTBOUND}],
        "ix_calls_tenant_assistant": [{"assistant_id": "bar"}],
        "ix_calls_tenant_status": [{"status": CallStatus.RINGING}],
        "ix_calls_tenant_ended_reason": [{"ended_reason": EndedReason.SILENCE_TIMEOUT}],
    }
    for index, asked in filters.items():
        for by in asked:
            for cursor in (None, LATER_PAGE):
                page = CallPage(tenant_id="acme", cursor=cursor, **by)
                plan = await plan_of(filled, calls_of(page))
                assert index in plan, f"{by}: {plan}"
                assert "Sort" not in plan, f"{by}: {plan}"
                assert "TEMP B-TREE" not in plan, f"{by}: {plan}"
                assert "SCAN calls" not in plan, f"{by}: {plan}"


async def test_recordings_to_be_looked_at_are_found_by_their_own_index(filled: Database) -> None:
    page = CallPage(tenant_id="acme", recording_status=RARE)
    plan = await plan_of(filled, calls_of(page))
    if is_sqlite(filled):  # never counts, so it takes a tenant for ten calls, and reads those
        assert "ix_calls_tenant_started" in plan, plan
    else:
        assert "ix_recordings_status" in plan, plan


async def test_failed_recordings_are_found_by_their_status(filled: Database) -> None:
    page = RecordingPage(tenant_id="acme", statuses=RecordingsWanted.FAILED.statuses)
    plan = await plan_of(filled, recordings_of(page))
    if is_sqlite(filled):
        assert "SCAN" not in plan, plan
    else:
        assert "ix_recordings_status" in plan, plan


async def test_all_recordings_are_read_in_the_order_of_their_calls(filled: Database) -> None:
    for cursor in (None, LATER_PAGE):
        page = RecordingPage(tenant_id="acme", cursor=cursor)
        plan = await plan_of(filled, recordings_of(page))
        assert "ix_calls_tenant_started" in plan, plan
        assert "TEMP B-TREE" not in plan, plan


async def test_a_later_page_begins_where_the_one_before_ended(filled: Database) -> None:
    """The index is entered at the cursor, not read up to it."""
    plan = await plan_of(filled, calls_of(CallPage(tenant_id="acme", cursor=LATER_PAGE)))
    entered = (
        "(tenant_id=? AND started_at<?)"
        if is_sqlite(filled)
        else "Index Cond: (((tenant_id)::text = 'acme'::text) AND (started_at <= "
    )
    assert entered in plan, plan
