"""A trunk's lines: never more than it has, never faster than it may, first come, first served."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from contract.calls import CallStatus
from store.calls import Calls
from store.database import Database
from store.errors import CallOver, CallUnknown, TrunkDisabled, TrunkUnknown
from store.lines import STILL_WAITING
from store.models import CallRow
from store.trunks import Trunks
from tests.store.calls import NOON
from tests.store.phone_calls import (
    TAKEN,
    TRUNK,
    eight_at_once,
    end,
    given_calls,
    given_trunk,
    later,
    may_dial,
    take,
)


async def test_a_call_beyond_the_trunks_lines_gets_one_when_another_call_ends(
    database: Database,
) -> None:
    await given_trunk(database)
    first, second, third = await given_calls(database, 3)
    assert await take(database, first, later(0)) == TAKEN
    assert await take(database, second, later(1)) == TAKEN
    assert not (await take(database, third, later(2))).taken
    await end(database, first)
    assert await take(database, third, later(3)) == TAKEN


async def test_asking_again_gives_the_same_line(database: Database) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    (call,) = await given_calls(database, 1)
    for seconds in (0, 1, 3600):
        assert await take(database, call, later(seconds)) == TAKEN
    async with database.reader() as session:
        row = await Calls(session).get(call)
    assert row is not None
    assert row.line_taken_at == NOON


async def test_lines_are_taken_no_faster_than_the_trunk_takes_calls(database: Database) -> None:
    await given_trunk(database, calls_per_second=2.0)
    first, second = await given_calls(database, 2)
    assert await take(database, first, later(0)) == TAKEN
    too_early = await take(database, second, later(0.2))
    assert not too_early.taken
    assert too_early.retry_after == pytest.approx(0.3)
    assert await take(database, second, later(0.2 + too_early.retry_after)) == TAKEN


async def test_a_call_that_is_over_counts_for_the_pace_all_the_same(database: Database) -> None:
    await given_trunk(database, calls_per_second=1.0)
    first, second = await given_calls(database, 2)
    await take(database, first, later(0))
    await end(database, first)
    assert not (await take(database, second, later(0.5))).taken
    assert await take(database, second, later(1)) == TAKEN


async def test_who_asked_first_is_served_first(database: Database) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    busy, *waiting = await given_calls(database, 4)
    await take(database, busy, later(0))
    for number, call in enumerate(waiting):
        assert not (await take(database, call, later(1 + number))).taken
    await end(database, busy)
    order: list[str] = []
    for step in range(3):
        for call in reversed(waiting):  # whoever comes last asks first, again and again
            if call not in order and (await take(database, call, later(4 + step))).taken:
                order.append(call)
                await end(database, call)
    assert order == waiting


async def test_a_waiter_that_fell_silent_blocks_nobody_and_keeps_its_place(
    database: Database,
) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    busy, silent, patient = await given_calls(database, 3)
    await take(database, busy, later(0))
    await take(database, silent, later(1))
    await take(database, patient, later(2))
    await end(database, busy)
    until = 1 + STILL_WAITING.total_seconds()
    assert not (await take(database, patient, later(until - 0.1))).taken
    assert await take(database, patient, later(until)) == TAKEN
    (latecomer,) = await given_calls(database, 1)
    await take(database, latecomer, later(until + 1))
    await take(database, silent, later(until + 2))  # its worker is back
    await end(database, patient)
    assert not (await take(database, latecomer, later(until + 3))).taken
    assert await take(database, silent, later(until + 3)) == TAKEN


async def test_a_waiter_whose_call_has_ended_blocks_nobody(database: Database) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    busy, gone, patient = await given_calls(database, 3)
    await take(database, busy, later(0))
    await take(database, gone, later(1))
    await take(database, patient, later(1.1))
    await end(database, gone)
    await end(database, busy)
    assert await take(database, patient, later(1.2)) == TAKEN


async def test_the_longer_the_queue_the_more_seldom_its_end_asks(database: Database) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    busy, *waiting = await given_calls(database, 15)
    await take(database, busy, later(0))
    pauses = [(await take(database, call, later(1))).retry_after for call in sorted(waiting)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.25
    assert pauses[-1] < STILL_WAITING.total_seconds() / 2


async def test_who_waits_for_the_pace_alone_is_told_its_moment(database: Database) -> None:
    await given_trunk(database, max_concurrent_calls=100, calls_per_second=10.0)
    first, *waiting = await given_calls(database, 4)
    await take(database, first, later(0))
    for call in waiting:
        await take(database, call, later(0.01))
    pauses = [(await take(database, call, later(0.02))).retry_after for call in sorted(waiting)]
    assert pauses == pytest.approx([0.08, 0.18, 0.28])


async def test_a_hundred_calls_at_once_never_hold_more_lines_than_there_are(
    database: Database,
) -> None:
    await given_trunk(database, max_concurrent_calls=7, calls_per_second=100.0)
    calls = await given_calls(database, 100)
    taken_in_all: set[str] = set()
    for round_ in range(1, 12):
        # Far enough apart for the pace, which has a test of its own, not to be what limits.
        moments = [later(round_ * 10 + number * 0.011) for number in range(100)]
        offers = await eight_at_once(
            *(take(database, call, now) for call, now in zip(calls, moments, strict=True))
        )
        taken = {call for call, offer in zip(calls, offers, strict=True) if offer.taken}
        assert len(taken) <= 7
        assert await lines_held(database) == len(taken)
        taken_in_all |= taken
        for call in taken:
            await end(database, call)
        calls += await given_calls(database, len(taken))
        calls = [call for call in calls if call not in taken]
    assert len(taken_in_all) > 7


async def lines_held(database: Database) -> int:
    held = select(CallRow.call_id).where(
        CallRow.line_taken_at.is_not(None), CallRow.status != CallStatus.ENDED.value
    )
    async with database.reader() as session:
        return len((await session.scalars(held)).all())


async def test_a_hundred_calls_at_once_start_no_faster_than_the_trunk_takes_them(
    database: Database,
) -> None:
    await given_trunk(database, max_concurrent_calls=1000, calls_per_second=50.0)
    calls = await given_calls(database, 100)
    for round_ in range(8):
        await eight_at_once(*(take(database, call, later(round_ * 0.01)) for call in calls))
    async with database.reader() as session:
        taken = (
            await session.scalars(
                select(CallRow.line_taken_at).where(CallRow.line_taken_at.is_not(None))
            )
        ).all()
    assert len(taken) == 4  # at 0, 20, 40 and 60 ms

    waits = await eight_at_once(*(may_dial(database, call, NOON) for call in calls))
    assert sorted(waits) == pytest.approx([number * 0.02 for number in range(100)])


async def test_an_invite_keeps_its_moment(database: Database) -> None:
    await given_trunk(database, calls_per_second=2.0)
    first, second = await given_calls(database, 2)
    assert await may_dial(database, first, later(0)) == 0.0
    assert await may_dial(database, second, later(0.1)) == pytest.approx(0.4)
    assert await may_dial(database, second, later(0.3)) == pytest.approx(0.2)
    assert await may_dial(database, second, later(9)) == 0.0


async def test_trunks_do_not_wait_for_each_other(database: Database) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    await given_trunk(database, "other", max_concurrent_calls=1)
    (mine,) = await given_calls(database, 1)
    (theirs,) = await given_calls(database, 1, tenant_id="other")
    assert await take(database, mine, NOON) == TAKEN
    assert await take(database, theirs, NOON, "other") == TAKEN


async def test_who_has_a_line_keeps_it_when_the_trunk_is_disabled_and_others_are_told(
    database: Database,
) -> None:
    await given_trunk(database)
    talking, waiting = await given_calls(database, 2)
    await take(database, talking, later(0))
    async with database.session() as session:
        await Trunks(session).update("acme", "mumbai", TRUNK | {"enabled": False}, None)
    assert await take(database, talking, later(1)) == TAKEN
    with pytest.raises(TrunkDisabled):
        await take(database, waiting, later(1))


async def test_no_line_for_what_is_not_there_or_over(database: Database) -> None:
    await given_trunk(database)
    (call,) = await given_calls(database, 1)
    with pytest.raises(CallUnknown):
        await take(database, "call_" + "0" * 26, NOON)
    with pytest.raises(TrunkUnknown):
        await take(database, call, NOON, "other")
    await end(database, call)
    with pytest.raises(CallOver):
        await take(database, call, NOON)


async def test_what_came_of_a_call_does_not_touch_its_line(database: Database) -> None:
    await given_trunk(database)
    (call,) = await given_calls(database, 1)
    await take(database, call, NOON)
    async with database.session() as session:
        await session.execute(update(CallRow).values(status=CallStatus.ON_HOLD.value))
    assert await take(database, call, later(1)) == TAKEN
