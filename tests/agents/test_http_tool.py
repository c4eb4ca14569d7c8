from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.atlas.tools.http import LONGEST_ANSWER, HttpToolCaller
from agents.atlas.tools.repetition import RepetitionBreaker
from agents.atlas.tools.target_guard import tool_session
from contract.assistants import HttpTool
from contract.tool_targets import ToolTargets


class Service:
    """An HTTP service that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], str, str | None]] = []
        app = web.Application()
        app.router.add_route("*", "/table", self._table)
        app.router.add_get("/elsewhere", self._elsewhere)
        app.router.add_get("/slow", self._slow)
        app.router.add_get("/long", self._long)
        app.router.add_get("/broken", self._broken)
        self.closing = asyncio.Event()
        self.server = TestServer(app)

    async def _table(self, request: web.Request) -> web.Response:
        body = await request.text()
        key = request.headers.get("X-Key")
        self.asked.append((request.method, dict(request.query), body, key))
        return web.json_response({"table": "the one at the window"})

    async def _elsewhere(self, request: web.Request) -> web.Response:
        raise web.HTTPFound("/table")

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        await self.closing.wait()
        return web.Response()

    async def _long(self, request: web.Request) -> web.Response:
        return web.Response(text="x" * 1_000_000)

    async def _broken(self, request: web.Request) -> web.Response:
        return web.Response(status=500, text="out of order")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    service.closing.set()
    await service.server.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with tool_session(ToolTargets((ip_network("127.0.0.0/8"),))) as session:
        yield session


def caller(
    service: Service, http: aiohttp.ClientSession, path: str, **options: object
) -> HttpToolCaller:
    tool = HttpTool(
        name="check",
        description="Checks.",
        url=str(service.server.make_url(path)),
        **options,  # type: ignore[arg-type]
    )
    return HttpToolCaller(tool, http, RepetitionBreaker())


async def test_post_sends_the_arguments_as_json_with_the_configured_headers(
    service: Service, http: aiohttp.ClientSession
) -> None:
    text = await caller(service, http, "/table", headers={"X-Key": "k"}).call({"guests": 4})
    assert json.loads(text) == {"table": "the one at the window"}
    assert service.asked == [("POST", {}, '{"guests": 4}', "k")]


async def test_get_adds_the_arguments_to_the_query(
    service: Service, http: aiohttp.ClientSession
) -> None:
    tool = caller(service, http, "/table?shop=1", method="get")
    await tool.call({"guests": 4, "day": "Friday & co", "inside": True, "name": None})
    method, query, body, _ = service.asked[0]
    assert (method, body) == ("GET", "")
    assert query == {"shop": "1", "guests": "4", "day": "Friday & co", "inside": "true"}


async def test_a_redirect_is_not_followed(service: Service, http: aiohttp.ClientSession) -> None:
    text = await caller(service, http, "/elsewhere", method="GET").call({})
    assert text.startswith("The service answered with status 302.")
    assert service.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_our_own_network_is_not_asked_whatever_name_leads_there(
    service: Service, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://{host}:{service.server.port}/table"
    tool = HttpTool(name="check", description="Checks.", url=url, headers={"X-Key": "k"})
    async with tool_session(ToolTargets()) as guarded:
        text = await HttpToolCaller(tool, guarded, RepetitionBreaker()).call({})
    assert text == "The service could not be reached."
    assert "TOOL_PRIVATE_NETWORKS" in caplog.text
    assert service.asked == []


async def test_what_goes_wrong_is_told_to_the_model(
    service: Service, http: aiohttp.ClientSession
) -> None:
    broken = await caller(service, http, "/broken", method="GET").call({})
    assert broken == "The service answered with status 500. out of order"
    slow = await caller(service, http, "/slow", method="GET", timeout_seconds=0.05).call({})
    assert slow == "The service did not answer in time."
    gone = HttpTool(name="gone", description="", url="http://127.0.0.1:9/", method="GET")
    text = await HttpToolCaller(gone, http, RepetitionBreaker()).call({})
    assert text == "The service could not be reached."


async def test_a_long_answer_is_cut(service: Service, http: aiohttp.ClientSession) -> None:
    text = await caller(service, http, "/long", method="GET").call({})
    assert text == "x" * LONGEST_ANSWER + " (cut)"


async def test_the_fourth_identical_call_is_refused_and_another_is_not(
    service: Service, http: aiohttp.ClientSession
) -> None:
    tool = caller(service, http, "/table")
    for _ in range(4):
        last = await tool.call({"guests": 4, "day": "Friday"})
    assert last.startswith("Refused")
    assert (await tool.call({"guests": 5})).startswith("{")
    assert len(service.asked) == 4


def test_the_breaker_forgets_after_its_time() -> None:
    now = 0.0
    breaker = RepetitionBreaker(allowed=2, seconds=10, clock=lambda: now)
    assert [breaker.allows("a") for _ in range(3)] == [True, True, False]
    now = 10.5
    assert breaker.allows("a")
