"""The load figures' arithmetic, and that the clients send as they say."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.bench.databases import size
from tests.bench.figures import Measured
from tests.bench.load import spent
from tests.bench.open_calls import growth
from tests.bench.processes import Tree
from tests.bench.starting import at_rate, by_clients
from tests.bench.starts import Burst, per_core
from tests.bench.worker_cache import WorkerCache

_ANSWER_SECONDS = 0.1


class SlowApi:
    """Answers a start after a tenth of a second; every fifth one with a refusal."""

    def __init__(self) -> None:
        self.asked_at: list[float] = []
        self.at_once = self.most_at_once = 0

    async def get_token(self, _request: web.Request) -> web.Response:
        self.asked_at.append(time.monotonic())
        number = len(self.asked_at)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(_ANSWER_SECONDS)
        self.at_once -= 1
        if number % 5 == 0:
            return web.json_response({"code": "unavailable", "detail": "Away."}, status=503)
        return web.json_response({"call_id": f"call_{number}", "url": "ws://", "token": "t"})


@pytest.fixture
def api() -> SlowApi:
    return SlowApi()


@pytest_asyncio.fixture
async def http(api: SlowApi) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    app.add_routes([web.post("/web_call/get_token", api.get_token)])
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield session


async def test_clients_wait_for_their_answers(api: SlowApi, http: aiohttp.ClientSession) -> None:
    row = Measured("start")
    opened = await by_clients(http, 2, 1.0, row)
    assert 5 <= len(api.asked_at) <= 22
    assert api.most_at_once <= 2
    assert len(opened) == len(row.values) == len(api.asked_at) - len(row.failures)
    assert row.failures[0] == "HTTP 503 unavailable: Away."
    assert min(row.values) >= _ANSWER_SECONDS * 1000


async def test_a_rate_does_not_wait_for_answers(api: SlowApi, http: aiohttp.ClientSession) -> None:
    row = Measured("start")
    opened = await at_rate(http, 40, 0.25, row)
    assert len(api.asked_at) == 10
    assert len(opened) == 8
    # One client that waited would never have two open at once.
    assert api.most_at_once > 1


def test_a_burst_is_told_by_start_and_by_core() -> None:
    cpu = {"temporal": 40.0, "worker": 30.0, "api": 10.0, "livekit": 20.0, "this client": 5.0}
    burst = Burst(starts=45, seconds=3.0, cpu_ms=cpu)
    assert burst.rate == 15
    assert burst.platform_ms == 80
    assert per_core(burst.platform_ms) == 12.5


def test_growth_is_what_one_call_more_adds() -> None:
    assert growth([10, 100, 300, 1000], [101.0, 110.0, 130.0, 200.0]) == pytest.approx(0.1)
    assert growth([10, 1000], [5.0, 5.0]) == 0


def test_spent_is_the_difference_of_two_looks() -> None:
    before, after = {"api": Tree([1], 2.0, 0, 0)}, {"api": Tree([1], 2.5, 0, 0)}
    assert spent(before, after) == {"api": 0.5}


def test_a_database_is_measured_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "calls.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE calls (words BLOB)")
        database.commit()
        empty = size(file)
        database.execute("INSERT INTO calls VALUES (zeroblob(1000000))")
        database.commit()
        assert 990_000 <= size(file) - empty < 1_020_000
        database.execute("DELETE FROM calls")
        database.commit()
        assert size(file) - empty < 20_000


def test_the_workers_memory_is_read_from_its_metrics() -> None:
    page = """
# TYPE temporal_sticky_cache_hit_total counter
temporal_sticky_cache_hit_total{workflow_type="CallWorkflow"} 14
# TYPE temporal_sticky_cache_miss_total counter
temporal_sticky_cache_miss_total{task_queue="calls"} 20
temporal_sticky_cache_miss_total{task_queue="others"} 2
# TYPE temporal_sticky_cache_size gauge
temporal_sticky_cache_size{task_queue="calls"} 5
"""
    assert WorkerCache.read(page) == WorkerCache(workflows=5, evicted=0, replayed=22)
