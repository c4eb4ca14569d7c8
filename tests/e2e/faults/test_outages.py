"""Temporal, LiveKit or the worker away: refused clearly, nothing left behind, nothing forgotten."""

from __future__ import annotations

import asyncio
import signal
import time

import httpx2
import pytest

from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.letters import forged, told
from tests.e2e.faults.system import System, fresh_key
from tests.e2e.faults.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

ANSWERED_WITHIN = 5.0


async def refused(system: System, key: str | None = None) -> httpx2.Response:
    """A 503 that comes in time and says when to try again."""
    asked_at = time.monotonic()
    answer = await system.ask_for_call(key=key)
    took = time.monotonic() - asked_at
    assert answer.status_code == 503, answer.text
    assert took < ANSWERED_WITHIN, f"{took:.1f} s"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    return answer


async def withdrawn(system: System, before: set[str]) -> str | None:
    """The call that was begun and refused, once its row and its workflow are there."""
    new = {row["call_id"] for row in await system.rows()} - before
    assert len(new) < 2, new
    return new.pop() if new and new <= set(await system.call_workflows()) else None


def never_answered(call_id: str, *reasons: str) -> Truth:
    return Truth(
        call_id=call_id,
        reason=reasons[0],
        ended_by="platform",
        answered=False,
        recording=frozenset({"not_requested"}),
    )


async def test_without_a_worker_the_start_is_refused_and_withdrawn(system: System) -> None:
    before = {row["call_id"] for row in await system.rows()}
    await system.stack.kill("worker", signal.SIGTERM)
    key = fresh_key()
    await refused(system, key)
    await system.stack.start_process("worker")
    call_id = await eventually(
        lambda: withdrawn(system, before), 10, "the refused call left no record"
    )
    system.may_exist.add(call_id)
    await assert_hold(system, never_answered(call_id, "cancelled"))

    again = await system.ask_for_call(key=key)
    assert again.status_code == 200, again.text
    assert again.json()["call_id"] != call_id
    assert (await system.http.post(f"/calls/{again.json()['call_id']}/hangup")).status_code == 200


async def test_without_temporal_nothing_starts_and_a_call_talks_on(system: System) -> None:
    call = await system.place_call()
    caller = await call.join()
    await call.greeted()
    before = await system.everything()

    await system.stack.kill("temporal")
    await refused(system)
    letter = forged(system.stack.description, "genuine", told("participant_joined", call.room))
    assert await system.wire.deliver(letter) == 503
    killed_at = time.monotonic()
    await call.ask("Can I bring my dog?")
    await caller.heard.wait_for_quiet()
    await system.stack.start_process("temporal")
    print(f"Temporal was away for {time.monotonic() - killed_at:.1f} s")
    await call.ask("Where are you located?")
    await caller.heard.wait_for_quiet()
    await call.leave()

    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked), patience=90)
    transcript = (await system.http.get(f"/calls/{call.id}/transcript")).json()["items"]
    said = [turn["text"] for turn in transcript]
    assert "Can I bring my dog?" in said
    assert "Where are you located?" in said
    rooms, workflows, rows = await system.everything()
    assert (workflows, rows) == before[1:]
    assert rooms <= before[0]


async def test_a_call_that_ends_while_temporal_is_away_is_settled_later(system: System) -> None:
    call = await system.place_call()
    await call.join()
    await call.greeted()
    await system.stack.kill("temporal")
    await call.leave()
    await system.stack.start_process("temporal")
    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked), patience=90)


async def test_without_livekit_the_start_is_refused_and_leaves_no_room(system: System) -> None:
    before = {row["call_id"] for row in await system.rows()}
    await system.stack.kill("livekit")
    key = fresh_key()
    await refused(system, key)
    await system.stack.start_process("livekit")
    call_id = await eventually(
        lambda: withdrawn(system, before), 10, "the refused call left no record"
    )
    system.may_exist.add(call_id)
    row = await eventually(lambda: ended(system, call_id), 60, "the refused call goes on")
    assert row["ended_reason"] in ("platform_error", "cancelled")
    await assert_hold(system, never_answered(call_id, row["ended_reason"]))

    # The agent servers find LiveKit again by themselves; until then a call would wait in vain.
    for part in ("atlas", "media-bot"):
        await system.stack.wait_until_ready(part)
    again = await system.ask_for_call(key=key)
    assert again.status_code == 200, again.text
    call = system.call_of(again.json()["call_id"], again.json()["room_name"], again.json()["token"])
    await call.join()
    await call.greeted()
    await call.leave()
    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))


async def ended(system: System, call_id: str) -> dict[str, object] | None:
    row = await system.call(call_id)
    return row if row["status"] == "ended" else None


async def test_two_stacks_side_by_side_know_nothing_of_each_other(system: System) -> None:
    async with System() as other:
        calls = [await one.place_call() for one in (system, other)]
        await asyncio.gather(*(call.join() for call in calls))
        await asyncio.gather(*(call.greeted() for call in calls))
        await asyncio.gather(*(call.ask() for call in calls))
        await asyncio.gather(*(call.caller.heard.wait_for_quiet() for call in calls))
        await asyncio.gather(*(call.leave() for call in calls))
        for one, call in zip((system, other), calls, strict=True):
            await assert_hold(one, Truth.caller_hung_up(call.id, talked=call.talked))
        assert [row["call_id"] for row in await other.rows()] == [calls[1].id]
