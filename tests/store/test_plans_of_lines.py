"""How the database finds who has a trunk's lines: by small indexes, whatever calls there ever were.

Who asks holds the trunk, so that all its others wait for these queries.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from contract.identity import new_call_id
from store.database import Database
from store.lines import Lines
from store.models import CallRow
from store.trunks import Trunks
from tests.store.calls import NOON

CALLS = 4_000
TRUNK = {"enabled": True, "max_concurrent_calls": 3, "calls_per_second": 1.0}


def call(number: int, **changes: Any) -> dict[str, Any]:
    call_id = new_call_id()
    moment = NOON + timedelta(seconds=number)
    return {
        "call_id": call_id,
        "tenant_id": "acme",
        "direction": "outbound",
        "provider": "bridge",
        "room_name": call_id,
        "human_identity": "phone",
        "status": "in_progress" if number % 1000 == 0 else "ended",
        "started_at": moment,
        "trunk_id": "mumbai",
        "line_asked_at": moment,
        "line_waited_at": moment,
        "line_taken_at": moment,
        "dialled_at": moment,
    } | changes


@pytest.fixture
async def filled(database: Database) -> Database:
    async with database.session() as session:
        await Trunks(session).create("acme", "mumbai", TRUNK, None)
        await session.execute(insert(CallRow), [call(number) for number in range(CALLS)])
    async with database.session() as session:
        await session.execute(text("ANALYZE"))  # which PostgreSQL does by itself, after a while
    return database


async def test_no_question_about_lines_reads_the_calls_that_are_over(filled: Database) -> None:
    waiting = call(
        CALLS,
        status="queued",
        line_asked_at=None,
        line_waited_at=None,
        line_taken_at=None,
        dialled_at=None,
    )
    async with filled.session() as session:
        await session.execute(insert(CallRow), [waiting])

    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, sql: str, given: Any, *_: object) -> None:
        if sql.startswith("SELECT") and "trunk_id" in sql and "calls.call_id, " not in sql:
            asked.append((sql, given))

    engine = filled.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    async with filled.session() as session:
        now = NOON + timedelta(days=1)
        lines = Lines(session)
        await lines.take(waiting["call_id"], "acme", "mumbai", now)
        await lines.may_dial("acme", "mumbai", waiting["call_id"], now)
    event.remove(engine, "before_cursor_execute", note)

    is_sqlite = filled.engine.dialect.name == "sqlite"
    plans = []
    async with filled.engine.connect() as connection:
        for sql, given in asked:
            explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
            raw = await connection.exec_driver_sql(explain + sql, given)
            plans.append("\n".join(str(row[-1]) for row in raw))
    assert len(plans) == 4  # who waits, the last line, the lines in use; the last INVITE
    # Of few open calls PostgreSQL finds any index of open calls as good.
    of_open = r"ix_calls_open_on_trunk" if is_sqlite else r"ix_calls_open|uq_calls_open_room"
    for index in (of_open, "ix_calls_line_taken", "ix_calls_dialled"):
        assert any(re.search(index, plan) for plan in plans), plans
    for plan in plans:
        assert "SCAN calls" not in plan
        assert "Seq Scan" not in plan
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan
