"""A tenant's receiver hears of a real call, whatever becomes of the worker that tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from sandbox.stack import Stack
from tests.e2e.switchboard import Switchboard, eventually
from tests.webhook_receiver import Received, Receiver, receiver

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

STORY = [
    "call.started",
    "call.answered",
    "call.ended",
    "call.recording.ready",
    "call.report.ready",
]


@asynccontextmanager
async def told(switchboard: Switchboard, url: str, *events: str) -> AsyncIterator[dict[str, Any]]:
    """A webhook, for as long as the test wants to hear of something."""
    body = {"url": url, "events": list(events)}
    made = (await switchboard.http.post("/webhooks", json=body)).json()
    try:
        yield made
    finally:
        await switchboard.http.delete(f"/webhooks/{made['id']}")


def heard_of(got: list[Received], call_id: str) -> dict[str, Received]:
    """By type. The recording of a call that ended before may be told of meanwhile."""
    mine = [one for one in got if one.event["data"]["call_id"] == call_id]
    return {one.event["type"]: one for one in mine}


async def delivered(switchboard: Switchboard, call_id: str, count: int) -> list[dict[str, Any]]:
    """The call's deliveries, once so many are written down as delivered."""
    items: list[dict[str, Any]] = []

    async def look() -> bool:
        items[:] = (await switchboard.get("/webhook_deliveries", call_id=call_id))["items"]
        return [item["status"] for item in items].count("delivered") >= count

    await eventually(look, timeout=60, otherwise=lambda: f"{count} expected of {items}")
    return items


def moment(event: Received) -> datetime:
    return datetime.fromisoformat(event.event["timestamp"])


async def test_a_calls_story_arrives_signed(switchboard: Switchboard) -> None:
    async with receiver() as one, told(switchboard, one.url, *STORY) as webhook:
        call = await switchboard.place_call(record=True)
        await call.join()
        await one.until(lambda got: "call.answered" in heard_of(got, call.id))
        await call.is_recorded()
        await call.hang_up()
        await one.until(lambda got: set(STORY) <= set(heard_of(got, call.id)), seconds=60)
        items = await delivered(switchboard, call.id, len(STORY))
    heard = heard_of(one.got, call.id)
    # Each is a delivery of its own and may overtake another: their timestamps are the order.
    assert [told_of.event["type"] for told_of in sorted(heard.values(), key=moment)] == STORY
    for told_of in heard.values():
        told_of.verify(webhook["secret"])
    assert {item["event_id"] for item in items} == {one.webhook_id for one in heard.values()}
    record = await call.read()
    ended = heard["call.ended"].event["data"]
    assert (ended["ended_reason"], ended["ended_by"]) == ("operator_hung_up", "operator")
    assert ended["talk_seconds"] == record["talk_seconds"]
    described = await switchboard.temporal.get_workflow_handle(items[0]["id"]).describe()
    assert described.search_attributes["WebhookStatus"] == ["delivered"]


class Holding:
    """Takes the first request and answers nobody until it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    async def __call__(self, _request: web.Request) -> web.StreamResponse:
        await self.let_go.wait()
        return web.Response(status=204)


async def test_a_worker_killed_while_it_sends_sends_again_under_the_same_id(
    switchboard: Switchboard,
) -> None:
    holding = Holding()
    async with (
        receiver(holding) as one,
        told(switchboard, one.url, "call.started"),
    ):
        call = await switchboard.place_call()
        await one.until(lambda got: len(got) == 1)
        await kill_worker(switchboard.stack)
        holding.let_go.set()
        await second(one)
        (item,) = await delivered(switchboard, call.id, 1)
        await call.hang_up()
    assert [attempt["http_status"] for attempt in item["attempts"]] == [None, 204]
    assert {request.webhook_id for request in one.got} == {item["event_id"]}


async def kill_worker(stack: Stack) -> None:
    await stack.kill("worker")
    await stack.start_process("worker")


async def second(one: Receiver) -> None:
    # Temporal gives a sender that is never heard of again 25 s, and then there is a pause of 5 s.
    await one.until(lambda got: len(got) == 2, seconds=90)
