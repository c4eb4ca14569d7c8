"""Agents that are not there, and one that dies in the middle of a call."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter

import pytest

from tests.e2e.faults.atlas_jobs import job_pid
from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.system import System

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

ANY_RECORDING = frozenset({"ready", "lost", "not_requested", "needs_attention"})
# LiveKit keeps a participant whose process was killed for about 15 to 20 s.
REVIVED_WITHIN = 30.0


async def test_without_an_agent_server_the_call_ends_as_assistant_failed(system: System) -> None:
    for part in ("atlas", "media-bot"):
        await system.stack.kill(part, signal.SIGTERM)
    asked_at = time.monotonic()
    call = await system.place_call()
    await call.join()
    async with asyncio.timeout(15):
        await call.caller.left.wait()
    ended_after = time.monotonic() - asked_at
    print(f"no agent server: the caller was let go after {ended_after:.1f} s")
    assert ended_after < 15
    truth = Truth(
        call_id=call.id,
        reason="assistant_failed",
        ended_by="platform",
        recording=ANY_RECORDING,
    )
    await assert_hold(system, truth)


async def test_atlas_killed_in_mid_call_is_replaced_by_one_that_goes_on(system: System) -> None:
    call = await system.place_call()
    caller = await call.join()
    await call.greeted()
    await call.ask()
    await caller.heard.wait_for_quiet()

    os.kill(job_pid(system.stack, call.id), signal.SIGKILL)
    killed_at = time.monotonic()
    spoke_at = await caller.heard.wait_until_heard(0.3, since=killed_at, timeout=REVIVED_WITHIN)
    print(f"Atlas killed: the next one spoke after {spoke_at - killed_at:.1f} s")
    assert "atlas-2" in caller.voices
    await caller.heard.wait_for_quiet()
    await call.ask("Can I bring my dog?")
    await caller.heard.wait_for_quiet()
    await call.leave()

    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))
    kinds = Counter(item["kind"] for item in await system.timeline(call.id))
    assert kinds["opening_started"] == 1, kinds
    transcript = (await system.http.get(f"/calls/{call.id}/transcript")).json()["items"]
    said = Counter(turn["text"] for turn in transcript if turn["speaker"] == "assistant")
    greeting = next(turn["text"] for turn in transcript if turn["speaker"] == "assistant")
    assert said[greeting] == 1, said
    assert "Dogs are welcome on the terrace." in said
