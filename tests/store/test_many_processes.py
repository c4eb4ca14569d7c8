"""Every process of the stack busy with one database at once."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from contract.calls import CallStatus
from store.api_keys import ApiKeys, Role
from store.assistants import Assistants
from store.call_pages import CallPage
from store.calls import Calls
from store.database import Database
from store.models import IdempotencyRow, LedgerRow
from store.transcripts import Transcripts
from tests.store.busy_process import KEY, STEPS, TENANT, TURNS
from tests.store.calls import new_call

pytestmark = pytest.mark.slow  # five processes that write for seconds

ROOT = Path(__file__).parents[2]
APIS, WORKERS = 3, 2
CALLS_PER_API = 15
CALLS = APIS * CALLS_PER_API
# Half of the time after which SQLite gives up; on a machine that does nothing else it is far less.
P99_MS = 5000


async def run_busy_process(role: str, number: int, url: str, shared_call: str) -> list[float]:
    count = CALLS_PER_API if role == "api" else CALLS
    of = APIS if role == "api" else WORKERS
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.busy_process", role),
        *("--url", url, "--number", str(number), "--of", str(of)),
        *("--calls", str(count), "--shared-call", shared_call),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    write_ms: list[float] = json.loads(out)
    return write_ms


async def test_no_write_is_lost_refused_or_told_twice_with_all_processes_busy(
    database: Database, database_kind: str
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    # Not queued for a worker: it has no room yet.
    shared = new_call(tenant_id="shared", room_name="shared")
    async with database.session() as session:
        await ApiKeys(session).add(KEY, TENANT, Role.OPERATOR, "all")
        await Assistants(session).create(TENANT, "desk", {})
        await Calls(session).insert(shared)

    processes = [("api", number) for number in range(APIS)]
    processes += [("worker", number) for number in range(WORKERS)]
    async with asyncio.timeout(150):
        told = await asyncio.gather(
            *(run_busy_process(role, number, url, shared.call_id) for role, number in processes)
        )

    async with database.reader() as session:
        found = await Calls(session).list(CallPage(tenant_id=TENANT, limit=1000))
        assert len(found.items) == CALLS
        for row, recording in found.items:
            assert (row.status, recording) == (CallStatus.ENDED, "ready")
            events = await Calls(session).events(row.call_id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert len(events) == TURNS + len(STEPS) + 1
            assert len(await Transcripts(session).list(row.call_id)) == TURNS
        lines = await Calls(session).events(shared.call_id)
        assert [line.seq for line in lines] == list(range(1, CALLS + 1))
        assert len({(line.source, line.source_seq) for line in lines}) == CALLS
        assert await session.scalar(select(func.count()).select_from(LedgerRow)) == CALLS
        assert await session.scalar(select(func.count()).select_from(IdempotencyRow)) == CALLS

    write_ms = sorted(ms for each in told for ms in each)
    p50, p99 = statistics.median(write_ms), write_ms[int(len(write_ms) * 0.99)]
    print(
        f"{database_kind}: {len(write_ms)} writes by {len(processes)} processes, "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {write_ms[-1]:.0f} ms"
    )
    assert p99 < P99_MS
