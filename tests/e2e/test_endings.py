"""Calls that neither side of the conversation ends."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.e2e.switchboard import Switchboard

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

LISTENS = {"mode": "wait"}


async def test_an_operator_hangs_up_once(switchboard: Switchboard) -> None:
    assistant = await switchboard.make_assistant(opening=LISTENS)
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    await call.has_happened("opening_started")

    async def listed(**query: str) -> list[str]:
        page = await switchboard.get("/calls", assistant_id=assistant, **query)
        return [item["call_id"] for item in page["items"]]

    assert await listed(status="in_progress") == [call.id]
    assert await listed(status="ended") == []
    first = await call.hang_up("The shift is over.")
    assert first.status_code == 200
    assert (first.json()["ended_reason"], first.json()["ended_by"]) == (
        "operator_hung_up",
        "operator",
    )
    await asyncio.wait_for(caller.left.wait(), 10)
    second = await call.hang_up()
    assert (second.status_code, second.json()["code"]) == (409, "call-ended")
    assert second.headers["content-type"] == "application/problem+json"
    record = await call.settled()
    assert record.call["ended_reason"] == "operator_hung_up"
    assert record.recording["status"] == "not_requested"
    assert await listed(status="ended", ended_reason="operator_hung_up") == [call.id]
    assert await listed(ended_reason="caller_hung_up") == []
    assert await listed(status="in_progress") == []
    assert await listed(direction="outbound") == []


async def test_a_call_ends_at_its_longest_duration(switchboard: Switchboard) -> None:
    assistant = await switchboard.make_assistant(opening=LISTENS, max_duration_seconds=4)
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    await asyncio.wait_for(caller.left.wait(), 20)
    lasted = time.monotonic() - caller.joined_at
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("max_duration", "platform")
    assert record.call["talk_seconds"] == pytest.approx(4, abs=1)
    assert 3 < lasted < 8
    assert await call.room_is_gone()
