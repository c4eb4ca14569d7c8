"""A phone is never dialled twice, and a trunk's limits hold."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from datetime import datetime

import pytest

from tests.e2e.phone.far_side import number
from tests.e2e.phone.phone_call import PhoneCall, PhoneLines
from tests.e2e.phone.verdicts import assert_billed_as_seen, assert_ended

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_two_posts_with_one_key_ring_once(lines: PhoneLines) -> None:
    to, key = number("0100"), secrets.token_hex(8)
    answers = await asyncio.gather(*(lines.order(to, key=key) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["call_id"] for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert replayed.count("true") == 1, replayed
    call = PhoneCall(lines.switchboard, answers[0].json(), lines.carrier, to)
    far = await call.answered()
    await far.hang_up()
    await call.settled()
    assert len(await lines.carrier.calls_to(to)) == 1
    assert far.document["invites"] == 1


async def test_the_worker_dies_between_invite_and_answer(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0102", trunk_id=trunk_id)  # rings for 8 s
    far = await call.at_carrier()
    await far.until("ringing_at")
    await lines.switchboard.stack.kill("worker")
    await asyncio.sleep(1.0)
    await lines.switchboard.stack.start_process("worker")
    await far.until("answered_at", 15)
    await call.is_now("in_progress")
    await far.hang_up()
    seen = await far.over()
    record = await call.settled()
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, seen)
    assert seen["invites"] == 1
    assert len(await lines.carrier.calls_to(call.to)) == 1


async def test_a_call_waits_for_a_free_line(lines: PhoneLines) -> None:
    trunk = await lines.trunk(name="One line", max_concurrent_calls=1)
    first = await lines.call("0100", trunk_id=trunk, record=False)
    far = await first.answered()
    second = await lines.call("0100", trunk_id=trunk, record=False, queue_seconds=30)
    await asyncio.sleep(3.0)
    assert (await second.read())["status"] == "queued"
    assert not await lines.carrier.calls_to(second.to)
    await far.hang_up()
    await second.answered(15)


async def test_no_line_in_time_is_capacity(lines: PhoneLines) -> None:
    trunk = await lines.trunk(name="One line", max_concurrent_calls=1)
    first = await lines.call("0100", trunk_id=trunk, record=False)
    await first.answered()
    second = await lines.call("0100", trunk_id=trunk, record=False, queue_seconds=2)
    record = await second.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("capacity", "platform")
    assert record.call["answered_at"] is None
    assert not await lines.carrier.calls_to(second.to)


@pytest.mark.real_time  # from its turn to its INVITE a call takes as long as the machine is busy
async def test_calls_per_second_hold_on_the_wire(lines: PhoneLines) -> None:
    trunk = await lines.trunk(name="Slow", calls_per_second=1.0)
    calls = [
        await lines.call("0160", trunk_id=trunk, record=False, queue_seconds=30) for _ in range(4)
    ]
    began = sorted(
        [
            datetime.fromisoformat((await (await call.at_carrier(30)).read())["began_at"])
            for call in calls
        ]
    )
    gaps = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(began)]
    assert min(gaps) > 0.7, gaps
    assert sum(gaps) > 2.7, gaps
    for call in calls:
        await call.settled()
