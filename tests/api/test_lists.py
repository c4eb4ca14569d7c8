"""Lists by cursor: each thing once, whatever comes in between; and cursors that are not ours."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from api.settings import ApiSettings
from contract.identity import new_call_id
from store.assistants import Assistants
from tests.api.operations import operations
from tests.api.service import Service, serve
from tests.api.test_problems_and_keys import assert_problem

pytestmark = pytest.mark.slow  # many pages while rows come

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
# Hypothesis traces every line to explain a failure: ten times slower.
UNTRACED = (Phase.explicit, Phase.generate, Phase.shrink)
LISTS = [one for one in operations() if "cursor" in one.query_parameters]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def service(runner: asyncio.Runner, shared_settings: ApiSettings) -> Iterator[Service]:
    serving = serve(shared_settings)
    yield runner.run(serving.__aenter__())
    runner.run(serving.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def webhook_id(runner: asyncio.Runner, service: Service) -> str:
    """One list is a webhook's."""
    webhook = {"url": "https://crm.example/hook", "events": ["call.ended"]}
    made = runner.run(service.post("/webhooks", webhook))
    return str(made.json()["id"])


async def all_pages(
    service: Service, path: str, limit: int, meanwhile: list[int], insert: Any, **filters: str
) -> list[dict[str, Any]]:
    """Every item of every page; before the page after each, so many are inserted."""
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": limit, **filters}
    for page_number in range(200):
        page = (await service.get(path, params=query)).json()
        items += page["items"]
        assert len(page["items"]) <= limit
        if page["next_cursor"] is None:
            return items
        assert len(page["items"]) == limit
        query["cursor"] = page["next_cursor"]
        # Not for ever: what sorts behind the page would never let the list end.
        for _ in range(meanwhile[page_number % len(meanwhile)] if page_number < 5 else 0):
            await insert()
    raise AssertionError("the list never ends")


# Few moments, so that many calls began in the same one.
moments = st.lists(st.integers(0, 3), min_size=1, max_size=12)


@given(began=moments, limit=st.integers(1, 5), meanwhile=st.lists(st.integers(0, 2), min_size=1))
@settings(max_examples=25, deadline=None, derandomize=True, phases=UNTRACED)
def test_paging_shows_each_call_once_while_new_ones_come(
    runner: asyncio.Runner, service: Service, began: list[int], limit: int, meanwhile: list[int]
) -> None:
    async def look() -> None:
        tenant = f"assistant-{new_call_id()[-20:]}"  # a filter, so that each example is alone
        expected = []
        for second in began:
            call_id = new_call_id()
            started_at = NOON + timedelta(seconds=second)
            await service.given_call(call_id, assistant_id=tenant, started_at=started_at)
            expected.append((started_at, call_id))

        async def insert() -> None:
            await service.given_call(
                new_call_id(), assistant_id=tenant, started_at=NOON + timedelta(seconds=9)
            )

        found = await all_pages(service, "/calls", limit, meanwhile, insert, assistant_id=tenant)
        shown = [item["call_id"] for item in found]
        assert shown == [call_id for _, call_id in sorted(expected, reverse=True)]

    runner.run(look())


@given(limit=st.integers(1, 5), meanwhile=st.lists(st.integers(0, 1), min_size=1, max_size=4))
@settings(max_examples=8, deadline=None, derandomize=True, phases=UNTRACED)
def test_paging_shows_each_assistant_once_while_new_ones_come(
    runner: asyncio.Runner, service: Service, limit: int, meanwhile: list[int]
) -> None:
    async def look() -> None:
        before = {item["id"] for item in await all_pages(service, "/assistants", 200, [0], None)}

        async def insert() -> None:
            async with service.parts.database.session() as session:
                name = f"a-{new_call_id()[-20:]}"
                demo = await Assistants(session).get("default", "demo")
                assert demo is not None
                await Assistants(session).create("default", name, demo.config | {"id": name})

        for _ in range(0 if len(before) > 15 else 3):
            await insert()
        before |= {item["id"] for item in await all_pages(service, "/assistants", 200, [0], None)}
        shown = [
            item["id"] for item in await all_pages(service, "/assistants", limit, meanwhile, insert)
        ]
        assert len(shown) == len(set(shown))
        assert before <= set(shown)

    runner.run(look())


WRONG = [
    "x",
    "====",
    "ü",
    base64.urlsafe_b64encode(b"").decode(),
    base64.urlsafe_b64encode(b" ").decode(),
    base64.urlsafe_b64encode(b"yesterday call_1").decode(),
    base64.urlsafe_b64encode(b"2026-01-05T12:00:00 call_1").decode(),
    base64.urlsafe_b64encode(b"0001-01-01T00:00:00+14:00 call_1").decode(),
    base64.urlsafe_b64encode(b"9999-12-31T23:59:59-14:00 call_1").decode(),
    base64.urlsafe_b64encode(b"2026-01-05T12:00:00+00:00 a\0b").decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"a\0").decode(),
]


@pytest.mark.parametrize("operation", LISTS, ids=lambda one: one.name)
def test_a_cursor_that_is_none_of_ours_is_refused_or_harmless(
    runner: asyncio.Runner, service: Service, webhook_id: str, operation: Any
) -> None:
    async def look() -> None:
        path = operation.path.format(webhook_id=webhook_id)
        for cursor in WRONG:
            answer = await service.get(path, params={"cursor": cursor})
            if answer.status_code != 200:
                assert_problem(answer, 422, "bad-cursor")

    runner.run(look())


@pytest.mark.parametrize("operation", LISTS, ids=lambda one: one.name)
@given(st.binary(max_size=60))
@settings(max_examples=50, deadline=None, derandomize=True, phases=UNTRACED)
def test_no_cursor_is_answered_with_a_fault(
    runner: asyncio.Runner, service: Service, webhook_id: str, operation: Any, raw: bytes
) -> None:
    cursor = base64.urlsafe_b64encode(raw).decode()
    path = operation.path.format(webhook_id=webhook_id)
    answer = runner.run(service.get(path, params={"cursor": cursor}))
    assert answer.status_code in (200, 422), answer.text
