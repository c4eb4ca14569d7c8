"""LiveKit dies under calls: they outlive a restart, and end truthfully where it stays away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contract.endings import EndedBy, EndedReason, ending_from_leg
from contract.holds import Holder, HoldState
from sandbox.stack import Stack
from tests.bridge.room.rig import Hall, eventually, open_hall

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async with (
        Stack(free_ports=True, only=["livekit"]) as stack,
        open_hall(tmp_path / "carrier", stack) as hall,
    ):
        yield hall


async def test_a_call_outlives_a_restart_of_livekit(hall: Hall) -> None:
    table = await hall.open_bridge()
    call = await table.talk()
    await eventually(lambda: call.watcher.attributes.get("call.state") == "answered")
    operators = HoldState(1, frozenset([Holder.OPERATOR]))
    await hall.write(call.room, call_hold=operators.to_json())
    await eventually(lambda: call.watcher.hold == operators)
    await hall.stack.kill("livekit")
    # Pressed while nobody can be told.
    await hall.do(call.leg, hold="sendonly")
    await hall.stack.start_process("livekit")
    both = HoldState(2, frozenset([Holder.OPERATOR, Holder.REMOTE]))
    await eventually(lambda: call.watcher.phone and call.watcher.hold == both, 20)
    assert call.watcher.attributes["call.state"] == "held"
    assert call.watcher.attributes["sip.callStatus"] == "active"
    assert await hall.tell(call.room, "ping") == {"ok": True}
    await hall.do(call.leg, resume=True)
    await eventually(lambda: call.watcher.attributes["call.state"] == "answered")
    answer = await hall.tell(call.room, "phone.hangup")
    report = await call.over()
    assert answer["ended"] == report.to_data()
    assert report.reason == "hung-up"


async def test_a_livekit_that_stays_away_ends_the_call(hall: Hall) -> None:
    table = await hall.open_bridge()
    call = await table.talk()
    await hall.stack.kill("livekit")
    try:
        report = await asyncio.wait_for(call.leg.ended(), 60)
        assert (report.reason, report.by, report.answered) == ("room-lost", "us", True)
        ending = ending_from_leg(report)
        assert (ending.reason, ending.ended_by) == (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)
        assert call.told.kinds[-1] == "leg_ended"
        record = await hall.record(call.leg)
        await eventually(lambda: record.end)
    finally:
        await hall.stack.start_process("livekit")


async def test_a_call_that_ends_while_livekit_is_away_is_told(hall: Hall) -> None:
    table = await hall.open_bridge()
    call = await table.talk()
    await hall.stack.kill("livekit")
    try:
        await hall.do(call.leg, hang_up=True)
        report = await asyncio.wait_for(call.leg.ended(), 10)
        assert (report.reason, report.by) == ("hung-up", "them")
        await asyncio.wait_for(call.leg.closed(), 10)
        assert call.told.kinds[-1] == "leg_ended"
    finally:
        await hall.stack.start_process("livekit")
    await asyncio.sleep(3)  # the client would have come back by now
    assert "phone" not in await hall.identities(call.room)
