"""Callers that leave at once, and requests that come twenty times."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.system import CANARY_SENTENCE, System, fresh_key

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_an_undisturbed_call_holds_every_invariant(system: System) -> None:
    """The yardstick of all others, and the proof that the canaries are there to be found."""
    call = await system.place_call()
    await call.join()
    await call.greeted()
    await call.ask(CANARY_SENTENCE)
    await call.caller.heard.wait_for_quiet()
    await call.leave()
    settled = await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))
    assert settled[0].room_gone_after < 10
    assert settled[0].row["participant_name"] == "Wilhelmina Quackenbush"
    transcript = (await system.http.get(f"/calls/{call.id}/transcript")).json()["items"]
    assert CANARY_SENTENCE in [turn["text"] for turn in transcript]


async def test_the_caller_leaves_before_the_agent_comes(system: System) -> None:
    call = await system.place_call(record=True)
    await call.join()
    await call.leave()
    # What was recorded of a call this short may be nothing at all, which must be said.
    truth = Truth.caller_hung_up(
        call.id, talked=call.talked, recording=frozenset({"ready", "lost", "not_requested"})
    )
    settled = await assert_hold(system, truth)
    assert settled[0].room_gone_after < 10


async def test_a_call_that_nobody_joins_can_be_hung_up(system: System) -> None:
    call = await system.place_call()
    answer = await call.hang_up()
    assert answer.status_code == 200, answer.text
    truth = Truth(
        call_id=call.id,
        reason="operator_hung_up",
        ended_by="operator",
        answered=False,
        recording=frozenset({"not_requested"}),
    )
    await assert_hold(system, truth)
    assert (await call.hang_up()).status_code == 409


async def test_one_key_twenty_times_in_parallel_is_one_call(system: System) -> None:
    key = fresh_key()
    answers = await asyncio.gather(*(system.ask_for_call(key=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    (call_id,) = {answer.json()["call_id"] for answer in answers}
    flags = Counter(answer.headers.get("Idempotent-Replayed") for answer in answers)
    assert flags == {"true": 19, None: 1}

    another = await system.ask_for_call(key=key, participant_name="Somebody Else")
    assert another.status_code == 422
    assert another.headers["content-type"] == "application/problem+json"

    assert (await system.http.post(f"/calls/{call_id}/hangup")).status_code == 200
    truth = Truth(
        call_id=call_id,
        reason="operator_hung_up",
        ended_by="operator",
        answered=False,
        recording=frozenset({"not_requested"}),
    )
    await assert_hold(system, truth)
