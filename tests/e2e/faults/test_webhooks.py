"""Webhooks that come three times, backwards, forged, in a flood, or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter

import pytest

from contract.identity import new_call_id
from tests.e2e.faults.atlas_jobs import job_pid
from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.letters import forged, told
from tests.e2e.faults.system import System

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_webhooks_that_come_three_times_change_nothing(system: System) -> None:
    with system.wire.tripling():
        call = await system.place_call()
        await call.join()
        await call.greeted()
        await call.leave()
        await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))
    kinds = Counter(item["kind"] for item in await system.timeline(call.id))
    assert kinds["ended"] == kinds["opening_started"] == kinds["room_opened"] == 1, kinds


async def test_webhooks_that_come_backwards_change_nothing(system: System) -> None:
    with system.wire.keeping() as kept:
        call = await system.place_call()
        await call.join()
        await call.greeted()
        await call.leave()
        await call.is_ended()  # Atlas told it
        for letter in reversed(kept):
            assert await system.wire.deliver(letter) == 200, letter.event
    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))
    for letter in kept:  # and once more, forwards, when all is over
        assert await system.wire.deliver(letter) == 200, letter.event
    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))


async def test_a_call_whose_webhooks_are_all_lost_works_and_ends(system: System) -> None:
    with system.wire.losing():
        call = await system.place_call()
        await call.join()
        await call.greeted()
        await call.ask()
        await call.caller.heard.wait_for_quiet()
        await call.leave()
        await call.is_ended()
        assert time.monotonic() - call.left_at < 10
        await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))


async def test_the_room_watch_alone_notices_that_the_caller_left(system: System) -> None:
    """No webhook, and no Atlas who could tell: it dies in the moment in which the caller leaves."""
    with system.wire.losing():
        call = await system.place_call()
        await call.join()
        await call.greeted()
        os.kill(job_pid(system.stack, call.id), signal.SIGKILL)
        await call.leave()
        row = await call.is_ended()
        noticed_after = time.monotonic() - call.left_at
        assert noticed_after < 30
        print(f"lost webhooks: the end was noticed after {noticed_after:.1f} s")
        # Not known to the second any more: the watch goes by its own clock.
        assert row["talk_seconds"] >= (call.talked or 0) - 1
        await assert_hold(system, Truth.caller_hung_up(call.id))


@pytest.mark.parametrize(
    "how", ["unsigned", "too_old", "wrong_key", "body_swapped", "no_digest", "garbage_token"]
)
async def test_a_webhook_that_is_not_livekits_is_refused(system: System, how: str) -> None:
    before = await system.everything()
    letter = forged(system.stack.description, how, told("participant_joined", "lobby-forged"))
    assert await system.wire.deliver(letter) == 401
    assert await system.everything() == before


async def test_a_flood_of_events_of_unknown_rooms_disturbs_no_call(system: System) -> None:
    here = system.stack.description
    call = await system.place_call()
    await call.join()
    await call.greeted()
    before = await system.ignored_events()
    at_once = asyncio.Semaphore(20)

    async def deliver(number: int) -> int:
        room = new_call_id() if number % 2 else f"other-app-{number}"
        letter = forged(here, "genuine", told("participant_joined", room, f"EV_flood_{number}"))
        async with at_once:
            return await system.wire.deliver(letter)

    statuses, answered_at = await asyncio.gather(
        asyncio.gather(*(deliver(number) for number in range(200))), call.ask()
    )
    assert set(statuses) == {200}
    assert answered_at > 0
    assert await system.ignored_events() == before + 200
    await call.caller.heard.wait_for_quiet()
    await call.leave()
    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))
