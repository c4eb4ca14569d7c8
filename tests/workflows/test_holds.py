"""Whoever holds a call: the room is told once of the newest state, the record of every moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from contract.calls import CallStatus, HoldAnswer, HoldCommand
from contract.endings import EndedBy, EndedReason
from contract.facts import FactKind
from contract.holds import Holder, HoldState
from contract.identity import AgentRole
from contract.rooms import AtlasRpc
from contract.steps import Step
from tests.workflows.phone import Phone
from tests.workflows.test_phone_call import ringing, talking
from tests.workflows.world import World

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
unskipped = pytest.mark.usefixtures("unskipped")

OPERATOR = HoldCommand("operator-1", "A word with a colleague.")


async def hold(call: Any, verb: str = "hold", command: HoldCommand = OPERATOR) -> HoldAnswer:
    answer: HoldAnswer = await call.execute_update(verb, command, result_type=HoldAnswer)
    return answer


async def refused(call: Any, verb: str, command: HoldCommand = OPERATOR) -> str | None:
    with pytest.raises(WorkflowUpdateFailedError) as found:
        await hold(call, verb, command)
    assert isinstance(found.value.cause, ApplicationError)
    assert found.value.cause.non_retryable
    return found.value.cause.type


def holds_of(world: World) -> list[tuple[str, str]]:
    return [
        (entry.kind, entry.data["holder"])
        for entry in world.entries
        if entry.kind in ("held", "resumed")
    ]


def written(world: World) -> list[HoldState | None]:
    return [HoldState.parse(order.state) for order in world.orders(Step.WRITE_HOLD)]


def told_atlas(world: World) -> list[tuple[str, int, str]]:
    return [
        (message.method, message.payload["seq"], message.identity)
        for message in world.orders(Step.TELL_ATLAS)
        if message.method in (AtlasRpc.HOLD, AtlasRpc.RESUME)
    ]


async def web_call(world: World, task_queue: str) -> Any:
    call = await world.start(world.request(), task_queue)
    await world.until(Step.OPEN_ROOM)
    await world.tell(call.id, world.caller_joins())
    await world.until_status(CallStatus.IN_PROGRESS)
    return call


@unskipped
@pytest.mark.parametrize("kind", ["web", "phone"])
async def test_an_operator_holds_and_resumes(
    world: World, phone: Phone, task_queue: str, kind: str
) -> None:
    is_web = kind == "web"
    call = await (web_call(world, task_queue) if is_web else talking(world, phone, task_queue))
    assert await hold(call) == HoldAnswer((Holder.OPERATOR,))
    assert await hold(call) == HoldAnswer((Holder.OPERATOR,))  # again: nothing
    await world.until_status(CallStatus.ON_HOLD)
    assert await hold(call, "resume") == HoldAnswer(())
    await world.until(Step.WRITE_HOLD, times=2)

    assert written(world) == [HoldState(1, frozenset({Holder.OPERATOR})), HoldState(2)]
    assert {order.identity for order in world.orders(Step.WRITE_HOLD)} == {
        "caller" if is_web else "phone"
    }
    assert told_atlas(world) == [(AtlasRpc.HOLD, 1, "atlas-1"), (AtlasRpc.RESUME, 2, "atlas-1")]
    assert await refused(call, "resume") == "call-not-held"
    if is_web:
        await world.tell(call.id, world.caller_leaves())
    else:
        await phone.hang_up(call.id, 60)
    await call.result()
    assert holds_of(world) == [("held", "operator"), ("resumed", "operator")]
    assert world.statuses[-4:] == [
        CallStatus.IN_PROGRESS,
        CallStatus.ON_HOLD,
        CallStatus.IN_PROGRESS,
        CallStatus.ENDED,
    ]
    attributes = (await call.describe()).search_attributes
    assert attributes["OnHold"] == [False]


@unskipped
async def test_holding_is_refused_before_the_answer_and_after_the_end(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    assert await refused(call, "hold") == "call-not-answered"
    await phone.pick_up(call.id)
    await world.until_status(CallStatus.IN_PROGRESS)
    remote = HoldCommand("operator-1", holder=Holder.REMOTE)
    assert await refused(call, "hold", remote) == "call-not-held"
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED))
    await phone.hang_up(call.id, 25)
    assert await refused(call, "hold") == "call-ended"
    await call.result()


@unskipped
async def test_the_far_side_holds_by_its_own_clock(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await phone.tell(call.id, FactKind.HELD, 20, holder="remote", seq=1)
    await world.until_status(CallStatus.ON_HOLD)
    assert (await call.describe()).search_attributes["OnHold"] == [True]
    await phone.tell(call.id, FactKind.RESUMED, 27.5, holder="remote", seq=2)
    await phone.tell(call.id, FactKind.HELD, 40, holder="remote", seq=3)
    await phone.hang_up(call.id, 60)
    await call.result()
    moments = [entry.at for entry in world.entries if entry.kind in ("held", "resumed")]
    assert moments == [phone.at(20), phone.at(27.5), phone.at(40), phone.at(60)]
    last = next(entry for entry in reversed(world.entries) if entry.kind == "resumed")
    assert (last.actor, last.text) == ("platform", "The hold ended with the call.")
    assert Step.WRITE_HOLD not in world.steps()  # the bridge has told the room


@unskipped
async def test_both_hold_and_what_the_bridge_may_have_overwritten_is_written_again(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await hold(call)  # our seq 1
    # The bridge wrote its own seq 1 at the same moment, over ours.
    await phone.tell(call.id, FactKind.HELD, 20, holder="remote", seq=1)
    await world.until(Step.WRITE_HOLD, times=2)
    both = frozenset({Holder.OPERATOR, Holder.REMOTE})
    assert written(world)[-1] == HoldState(2, both)
    assert await hold(call, "resume") == HoldAnswer((Holder.REMOTE,))
    assert told_atlas(world)[-1][:2] == (AtlasRpc.HOLD, 3)  # the far side still does
    await phone.tell(call.id, FactKind.RESUMED, 30, holder="remote", seq=4)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.ASSISTANT_ENDED))
    await call.result()
    assert holds_of(world) == [
        ("held", "operator"),
        ("held", "remote"),
        ("resumed", "operator"),
        ("resumed", "remote"),
    ]


@unskipped
@pytest.mark.parametrize("operator_holds", [False, True])
async def test_flapping_writes_the_newest_state_only(
    world: World, phone: Phone, task_queue: str, operator_holds: bool
) -> None:
    call = await talking(world, phone, task_queue)
    if operator_holds:
        await hold(call)
    seq = iter(range(2, 200))
    flood = [
        phone.fact(kind, 20 + turn / 10, holder="remote", seq=next(seq)).to_dict()
        for turn in range(50)
        for kind in (FactKind.HELD, FactKind.RESUMED)
    ]
    for first in range(0, len(flood), 4):
        await call.signal("facts", flood[first : first + 4])
        await asyncio.sleep(0.05)
    begun = world.steps().count(Step.WRITE_RECORD)
    assert begun <= 20  # of 25 signals: after the first ones, one in five seconds
    if operator_holds:
        assert await hold(call, "resume") == HoldAnswer(())
    await phone.hang_up(call.id, 60)
    await call.result()
    assert len([1 for _, holder in holds_of(world) if holder == "remote"]) == 100
    assert world.steps().count(Step.WRITE_HOLD) == (2 if operator_holds else 0)


@unskipped
async def test_an_atlas_that_comes_into_a_hold_is_told(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await hold(call)
    gone = world.fact(
        FactKind.PARTICIPANT_LEFT, data={"identity": "atlas-1", "participant_kind": "agent"}
    )
    await world.tell(call.id, gone)
    await world.until(Step.TELL_ATLAS, times=4)  # start and hold, to each
    assert [identity for _, _, identity in told_atlas(world)] == ["atlas-1", "atlas-2"]
    await phone.hang_up(call.id, 60)
    await call.result()


@unskipped
async def test_a_page_that_reloads_in_a_hold_is_told_again(world: World, task_queue: str) -> None:
    call = await web_call(world, task_queue)
    await hold(call)
    await world.tell(call.id, world.caller_leaves("PA_1", why="DUPLICATE_IDENTITY"))
    await world.tell(call.id, world.caller_joins("PA_2"))
    await world.until(Step.WRITE_HOLD, times=2)
    assert all(state is not None and state.is_held for state in written(world))
    await world.tell(call.id, world.caller_leaves("PA_2"))
    await call.result()
    assert holds_of(world) == [("held", "operator"), ("resumed", "operator")]


async def test_the_longest_hold_ends_the_call(
    world: World, phone: Phone, task_queue: str, env: WorkflowEnvironment
) -> None:
    with env.with_time_skipping_disabled():
        phone.begin = datetime.now(UTC)
        call = await talking(world, phone, task_queue, max_hold_seconds=600)
        await phone.tell(call.id, FactKind.HELD, 1, holder="remote", seq=1)
        await phone.tell(call.id, FactKind.RESUMED, 2, holder="remote", seq=2)
        await hold(call)
        await world.until_status(CallStatus.ON_HOLD)
    await env.fast_forward(call, timedelta(minutes=20))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.MAX_HOLD, EndedBy.PLATFORM)
    assert holds_of(world)[-1] == ("resumed", "operator")


async def test_holds_that_are_interrupted_do_not_add_up(
    world: World, phone: Phone, task_queue: str, env: WorkflowEnvironment
) -> None:
    limits = {"max_hold_seconds": 600, "max_duration_seconds": 1500}
    with env.with_time_skipping_disabled():
        call = await talking(world, phone, task_queue, **limits)
        await hold(call)
        await hold(call, "resume")
    await env.fast_forward(call, timedelta(minutes=40))
    assert (await call.result()).ended_reason is EndedReason.MAX_DURATION
