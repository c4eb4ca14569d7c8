"""Ends that come in the moment of something else: each leg has one, and the far side as well."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref

import pytest
from livekit import api

from tests.bridge.room.rig import Call, Table, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


async def _far_side_is_over(call: Call) -> None:
    record = await call.hall.record(call.leg)
    await eventually(lambda: record.end)
    assert record.invites == 1


async def _remove(call: Call) -> None:
    who = api.RoomParticipantIdentity(room=call.room, identity="phone")
    try:
        await call.hall.livekit.room.remove_participant(who)
    except api.ServerError:
        assert call.leg.report is not None  # it had left by itself


async def test_removed_while_it_rings(table: Table) -> None:
    call = await table.dial("0162")
    await eventually(lambda: call.watcher.attributes.get("call.state") == "ringing")
    await _remove(call)
    report = await call.over()
    assert (report.reason, report.answered) == ("removed", False)
    await _far_side_is_over(call)


async def test_removed_before_the_far_side_said_anything(table: Table) -> None:
    call = await table.dial("0100")
    await _remove(call)
    report = await call.over()
    assert report.reason == "removed"
    await _far_side_is_over(call)


@pytest.mark.parametrize("attempt", range(8))
async def test_removed_around_the_moment_of_the_answer(table: Table, attempt: int) -> None:
    call = await table.dial("0100")  # answers after 0.3 s
    await asyncio.sleep(0.27 + attempt * 0.01)
    await _remove(call)
    report = await call.over()
    assert report.reason == "removed"
    assert report.answered == (report.answered_at is not None)
    assert ("answered" in call.told.kinds) <= report.answered
    await _far_side_is_over(call)


@pytest.mark.parametrize("attempt", range(6))
async def test_cancelled_around_the_moment_of_the_answer(table: Table, attempt: int) -> None:
    call = await table.dial("0100")
    await asyncio.sleep(0.28 + attempt * 0.008)
    call.leg.cancel()
    answered_at = await asyncio.wait_for(call.leg.decided(), 15)
    report = await call.over()
    assert report.reason == "cancelled"
    if answered_at is not None:
        assert report.answered_at == answered_at
    await _far_side_is_over(call)


async def test_both_hang_up_at_once(table: Table) -> None:
    call = await table.talk()
    there = table.hall.do(call.leg, hang_up=True)
    here = table.hall.tell(call.room, "phone.hangup")
    _, answer = await asyncio.gather(there, here, return_exceptions=True)
    report = await call.over()
    assert report.reason == "hung-up"
    if not isinstance(answer, api.ServerError):  # the phone had gone before it was asked
        assert isinstance(answer, dict)
        assert answer["ended"] == report.to_data()


async def test_many_legs_whose_ends_cross_everything_leave_nothing(table: Table) -> None:
    dice = random.Random(6)
    tasks = len(asyncio.all_tasks())

    async def one(number: int) -> None:
        call = await table.dial(dice.choice(["0100", "0110", "0116", "0141", "0160", "0162"]))
        await asyncio.sleep(dice.uniform(0.0, 1.5))
        match number % 4:
            case 0:
                call.leg.cancel()
            case 1:
                await _remove(call)
            case 2:
                await call.hall.livekit.room.delete_room(api.DeleteRoomRequest(room=call.room))
            case _:
                try:
                    await call.hall.tell(call.room, "phone.hangup")
                except api.ServerError:
                    assert call.leg.report is not None  # it had ended by itself
        await call.over()
        await call.watcher.leave()

    for _ in range(3):
        await asyncio.gather(*(one(number) for number in range(4)))
    assert not table.legs.legs
    await eventually(lambda: not table.legs._tasks)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
    assert not table.bridge.legs


async def test_nothing_of_a_leg_waits_for_the_garbage_collector(table: Table) -> None:
    """Which a process that carries many calls hardly ever runs (bridge.rtp.collecting)."""
    call = await table.talk()
    leg = weakref.ref(call.leg)
    room = weakref.ref(call.leg._presence.seat.room)
    gc.disable()
    try:
        call.leg.cancel()
        await call.over()
        del call
        await eventually(lambda: leg() is None and room() is None)
    finally:
        gc.enable()
