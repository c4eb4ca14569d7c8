"""Calls whose workflow an operator terminated in their talk: finished, truthfully, within a minute.

`real_time`: it asks what the far side lived through, to the second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from contract.identity import recording_workflow_id
from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.phone.verdicts import assert_billed_as_seen, assert_ended
from tests.e2e.switchboard import SettledCall, Switchboard, WebCall, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]

WITHIN = 60.0  # issue 8


@pytest_asyncio.fixture(loop_scope="session")
async def lines(switchboard: Switchboard) -> AsyncIterator[PhoneLines]:
    lines = PhoneLines(switchboard)
    yield lines
    await lines.aclose()


async def is_in_talk(call: WebCall) -> None:
    async def look() -> bool:
        return (await call.read())["status"] == "in_progress"

    await eventually(look, timeout=20, otherwise=f"{call.id} does not begin")


async def atlas_speaks(call: WebCall) -> None:
    """From then on it uses what somebody has to pay for."""

    async def look() -> bool:
        return "opening_started" in [entry["kind"] for entry in await call.timeline()]

    await eventually(look, timeout=30, otherwise=f"nobody opens {call.id}")


async def moment_of(event: asyncio.Event) -> datetime:
    await event.wait()
    return datetime.now(UTC)


async def room_goes(call: WebCall) -> None:
    await eventually(call.room_is_gone, timeout=30, otherwise=f"{call.room} is still open")


def assert_terminated_once(record: SettledCall, why: str) -> None:
    assert_ended(record, "operator_terminated", "operator")
    assert why in record.call["ended_detail"]
    assert record.kinds().count("cut_off") == 1
    assert record.kinds().count("bill_settled") == 1


async def test_terminated_calls_are_finished_and_no_other(
    switchboard: Switchboard, lines: PhoneLines
) -> None:
    phone = await lines.call("0100", record=False)
    far = await phone.answered(timeout=60)
    web, beside = [await switchboard.place_call(record=True) for _ in range(2)]
    caller, _ = await web.join(), await beside.join()
    caller_left = asyncio.create_task(moment_of(caller.left))
    await asyncio.gather(is_in_talk(web), is_in_talk(beside), atlas_speaks(web))
    for call in (web, beside):
        await call.is_recorded()

    cut_off = time.monotonic()
    for call in (web, phone):
        await call.workflow.terminate(reason="a slip of the hand")
    of_phone, of_web = await asyncio.gather(phone.settled(WITHIN), web.settled(WITHIN))
    await asyncio.gather(room_goes(phone), room_goes(web))
    finished = time.monotonic() - cut_off
    print(f"terminated: finished after {finished:.1f} s")
    assert finished < WITHIN

    seen = await far.over(5)
    assert_terminated_once(of_phone, "a slip of the hand")
    assert_billed_as_seen(of_phone, seen)
    assert seen["ended_by"] == "bridge"

    assert_terminated_once(of_web, "a slip of the hand")
    heard = (await caller_left - datetime.fromisoformat(of_web.call["answered_at"])).total_seconds()
    assert of_web.call["talk_seconds"] == pytest.approx(heard, abs=1.0)
    assert of_web.recording["status"] == "ready"
    cost = of_web.call["cost"]  # Atlas came, as its own facts told, and had nobody to report to
    assert cost["partial"]
    assert "atlas-1 was gone before it could say what it used." in cost["partial_because"]

    assert (await beside.read())["status"] == "in_progress"
    assert (await beside.workflow.describe()).status is WorkflowExecutionStatus.RUNNING
    assert "cut_off" not in [entry["kind"] for entry in await beside.timeline()]

    # And a recording whose own workflow is cut off, of a call that ends by itself.
    recording = recording_workflow_id(beside.id)
    await switchboard.temporal.get_workflow_handle(recording).terminate()
    await beside.hang_up()
    of_beside = await beside.settled(WITHIN)
    assert_ended(of_beside, "operator_hung_up", "operator")
    assert of_beside.recording["status"] == "ready"
