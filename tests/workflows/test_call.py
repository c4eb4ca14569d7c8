"""Every way a web call can end, on a real Temporal server; time is skipped where it matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from contract.calls import (
    CallStatus,
    Direction,
    HangupAnswer,
    HangupCommand,
    RecordingStatus,
    RoomReady,
)
from contract.endings import EndedBy, EndedReason
from contract.facts import FactKind, FactSource
from contract.identity import AgentRole, recording_workflow_id
from contract.rooms import AtlasRpc, Opening
from contract.steps import Step
from tests.workflows.world import World
from workflows.call import CallWorkflow

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

WRAP_UP = [Step.CLOSE_ROOM, Step.SETTLE_BILL]


async def _talking(world: World, task_queue: str, **changes: Any) -> Any:
    """A call whose caller has joined."""
    request = world.request(**changes)
    call = await world.start(request, task_queue)
    await world.until(Step.OPEN_ROOM)
    await world.tell(call.id, world.caller_joins())
    await world.until_status(CallStatus.IN_PROGRESS)
    return call


@pytest.mark.usefixtures("unskipped")
async def test_caller_leaves_and_the_call_is_wrapped_up(world: World, task_queue: str) -> None:
    begin = datetime.now(UTC)
    call = await world.start(world.request(), task_queue)
    ready = await call.execute_update("room_ready", result_type=RoomReady)
    assert ready == RoomReady(call.id, "RM_1")
    await world.tell(call.id, world.caller_joins(at=begin))
    await world.until_status(CallStatus.IN_PROGRESS)
    opening = world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED)
    await world.tell(call.id, opening)
    usage = {"what": "tts", "provider": "elevenlabs", "model": "m", "quantity": "12", "unit": "c"}
    await world.tell(call.id, world.caller_leaves(at=begin + timedelta(seconds=42.5)))
    await world.tell(
        call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.USAGE_REPORTED, items=[usage])
    )
    report = await call.result()

    assert (report.ended_reason, report.ended_by) == (EndedReason.CALLER_HUNG_UP, EndedBy.CALLER)
    assert report.talk_seconds == 42.5
    assert world.last_steps == WRAP_UP
    bill = next(order for step, order in world.asked if step is Step.SETTLE_BILL)
    assert [item.quantity for item in bill.usage] == ["12"]
    assert bill.usage_complete
    statuses = [record.status for record in world.records if record.status]
    assert statuses == [CallStatus.IN_PROGRESS, CallStatus.ENDED]
    numbers = [entry.source_seq for record in world.records for entry in record.entries]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.usefixtures("unskipped")
@pytest.mark.parametrize(
    ("kind", "reason", "by"),
    [
        (FactKind.ASSISTANT_ENDED, EndedReason.ASSISTANT_HUNG_UP, EndedBy.ASSISTANT),
        (FactKind.SILENCE_TIMEOUT, EndedReason.SILENCE_TIMEOUT, EndedBy.ASSISTANT),
    ],
)
async def test_assistant_ends_the_call(
    world: World, task_queue: str, kind: FactKind, reason: EndedReason, by: EndedBy
) -> None:
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, kind))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (reason, by)
    assert world.last_steps == WRAP_UP


@pytest.mark.usefixtures("unskipped")
async def test_operator_hangs_up_once(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    answer = await call.execute_update(
        "hangup", HangupCommand("operator-1"), result_type=HangupAnswer
    )
    assert answer == HangupAnswer(EndedReason.OPERATOR_HUNG_UP, EndedBy.OPERATOR)
    report = await call.result()
    assert report.ended_reason is EndedReason.OPERATOR_HUNG_UP
    assert world.last_steps == WRAP_UP
    told = next(message for step, message in world.asked if step is Step.TELL_ATLAS)
    assert (told.identity, told.method) == ("atlas-1", AtlasRpc.END)
    written = [message for step, message in world.asked if step is Step.WRITE_RECORD]
    entries = [entry for record in written for entry in record.entries]
    asked_for = [entry.data for entry in entries if entry.kind == "hangup_requested"]
    assert asked_for == [{"requested_by": "operator-1"}]


@pytest.mark.usefixtures("unskipped")
async def test_hanging_up_a_call_that_is_over_is_refused(world: World, task_queue: str) -> None:
    world.row_exists = True
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED))
    await world.tell(call.id, world.caller_leaves())
    # The wrap-up still waits for Atlas' usage: the call is over, its workflow is not.
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await call.execute_update("hangup", HangupCommand("operator-1"))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "call-ended"
    await call.result()


@pytest.mark.usefixtures("unskipped")
async def test_withdrawn_before_anybody_came(world: World, task_queue: str) -> None:
    call = await world.start(world.request(), task_queue)
    await world.until(Step.OPEN_ROOM)
    await world.tell(call.id, world.fact(FactKind.CANCEL_REQUESTED, FactSource.API))
    report = await call.result()
    assert report.ended_reason is EndedReason.CANCELLED
    assert Step.CLOSE_ROOM in world.steps()


@pytest.mark.usefixtures("unskipped")
async def test_cancelled_by_an_admin_still_wraps_up(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    await call.cancel()
    await call.cancel()
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.CANCELLED, EndedBy.OPERATOR)
    assert world.last_steps == WRAP_UP


@pytest.mark.usefixtures("unskipped")
async def test_cancelled_before_its_first_task(world: World, env: WorkflowEnvironment) -> None:
    """No worker yet: the cancellation waits with the start, and the wrap-up still happens."""
    queue = "a-worker-that-comes-later"
    call = await world.start(world.request(), queue)
    await call.cancel()
    async with Worker(
        env.client, task_queue=queue, workflows=[CallWorkflow], activities=world.activities
    ):
        report = await call.result()
    assert report.ended_reason is EndedReason.CANCELLED


@pytest.mark.usefixtures("unskipped")
async def test_room_that_cannot_be_opened(world: World, task_queue: str) -> None:
    world.open_room_error = ApplicationError("LiveKit does not answer", type="livekit-unreachable")
    call = await world.start(world.request(), task_queue)
    with pytest.raises(WorkflowUpdateFailedError):
        await call.execute_update("room_ready", result_type=RoomReady)
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)
    assert "LiveKit does not answer" in report.detail
    assert report.talk_seconds == 0
    assert Step.CLOSE_ROOM in world.steps()


@pytest.mark.usefixtures("unskipped")
async def test_somebody_deletes_the_room(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.caller_leaves(why="ROOM_DELETED"))
    report = await call.result()
    assert report.ended_reason is EndedReason.OPERATOR_TERMINATED


@pytest.mark.usefixtures("unskipped")
async def test_outbound_calls_cannot_dial_yet(world: World, task_queue: str) -> None:
    call = await world.start(world.request(direction=Direction.OUTBOUND), task_queue)
    report = await call.result()
    assert report.ended_reason is EndedReason.PROVIDER_ERROR


async def test_agent_never_comes(world: World, task_queue: str) -> None:
    world.agents_who_come = lambda order: False
    call = await world.start(world.request(), task_queue)
    report = await call.result()
    assert report.ended_reason is EndedReason.ASSISTANT_FAILED
    sent = [order.agent for step, order in world.asked if step is Step.DISPATCH_AGENT]
    assert sorted(a.generation for a in sent if a.role is AgentRole.ATLAS) == [2, 3]
    entries = [entry for record in world.records for entry in record.entries]
    ended = next(entry for entry in entries if entry.kind == "ended")
    took = ended.at - entries[0].at
    # Each skip costs about a real second; tests/e2e holds the 15 s on the real stack.
    assert timedelta(seconds=12) <= took < timedelta(seconds=40)


async def test_caller_never_joins(world: World, task_queue: str) -> None:
    call = await world.start(world.request(), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.NO_ANSWER, 0)


async def test_longest_duration(world: World, task_queue: str, env: WorkflowEnvironment) -> None:
    with env.with_time_skipping_disabled():
        call = await _talking(world, task_queue, max_duration_seconds=7200)
    await env.fast_forward(call, timedelta(hours=3))
    report = await call.result()
    assert report.ended_reason is EndedReason.MAX_DURATION
    assert report.talk_seconds == pytest.approx(7200, abs=15)


@pytest.mark.usefixtures("unskipped")
async def test_without_media_bot_the_call_goes_on(world: World, task_queue: str) -> None:
    world.agents_who_come = lambda order: order.role is AgentRole.ATLAS
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.caller_leaves())
    assert (await call.result()).ended_reason is EndedReason.CALLER_HUNG_UP


@pytest.mark.usefixtures("unskipped")
async def test_lost_atlas_is_replaced_and_told_to_resume(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED))
    gone = world.fact(
        FactKind.PARTICIPANT_LEFT, data={"identity": "atlas-1", "participant_kind": "agent"}
    )
    await world.tell(call.id, gone)
    await world.until(Step.DISPATCH_AGENT)
    order = next(order for step, order in world.asked if step is Step.DISPATCH_AGENT)
    assert (order.agent.generation, order.agent.opening) == (2, Opening.RESUME)
    # The frozen first one wakes up and rejoins: it is shown out.
    back = world.fact(
        FactKind.PARTICIPANT_JOINED, data={"identity": "atlas-1", "participant_kind": "agent"}
    )
    await world.tell(call.id, back)
    await world.until(Step.REMOVE_PARTICIPANT)
    await world.tell(call.id, world.caller_leaves())
    await call.result()


@pytest.mark.usefixtures("unskipped")
async def test_atlas_that_comes_only_to_fail_is_not_replaced_for_ever(
    world: World, task_queue: str
) -> None:
    call = await _talking(world, task_queue)
    for generation in (1, 2, 3):
        if generation > 1:
            await world.until(Step.DISPATCH_AGENT, times=generation - 1)
        failed = world.of_agent(
            AgentRole.ATLAS, generation, FactKind.AGENT_FAILED, error="tts_error: 401"
        )
        await world.tell(call.id, failed)
    report = await call.result()
    assert report.ended_reason is EndedReason.ASSISTANT_FAILED
    assert "tts_error: 401" in report.detail


@pytest.mark.usefixtures("unskipped")
async def test_watch_finds_the_caller_alone(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    alone = world.fact(FactKind.AGENTS_GONE, FactSource.WATCH, data={"roles": ["atlas"]})
    await world.tell(call.id, alone)
    await world.until(Step.DISPATCH_AGENT)
    order = next(order for step, order in world.asked if step is Step.DISPATCH_AGENT)
    assert (order.agent.role, order.agent.generation) == (AgentRole.ATLAS, 2)
    await world.tell(call.id, world.caller_leaves())
    assert (await call.result()).ended_reason is EndedReason.CALLER_HUNG_UP


@pytest.mark.usefixtures("unskipped")
async def test_a_room_that_vanishes_is_not_the_callers_doing(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.fact(FactKind.ROOM_GONE, FactSource.WATCH))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN)


@pytest.mark.usefixtures("unskipped")
async def test_withdrawn_while_no_worker_was_there_opens_no_room(
    world: World, env: WorkflowEnvironment
) -> None:
    queue = "another-worker-that-comes-later"
    call = await world.start(world.request(), queue)
    await world.tell(call.id, world.fact(FactKind.CANCEL_REQUESTED, FactSource.API))
    async with Worker(
        env.client, task_queue=queue, workflows=[CallWorkflow], activities=world.activities
    ):
        report = await call.result()
    assert report.ended_reason is EndedReason.CANCELLED
    assert set(world.steps()) == {Step.WRITE_RECORD, Step.SETTLE_BILL}


@pytest.mark.usefixtures("unskipped")
async def test_usage_of_a_killed_atlas_makes_the_bill_partial(
    world: World, task_queue: str
) -> None:
    call = await _talking(world, task_queue)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED))
    gone = world.fact(
        FactKind.PARTICIPANT_LEFT, data={"identity": "atlas-1", "participant_kind": "agent"}
    )
    await world.tell(call.id, gone)
    await world.until(Step.DISPATCH_AGENT)
    await world.tell(call.id, world.caller_leaves())
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 2, FactKind.USAGE_REPORTED, items=[]))
    await call.result()
    bill = next(order for step, order in world.asked if step is Step.SETTLE_BILL)
    assert not bill.usage_complete


@pytest.mark.usefixtures("unskipped")
async def test_adopted_room_asks_for_its_assistant(world: World, task_queue: str) -> None:
    request = world.request(assistant_id=None, adopted=True, room_name="lobby-1")
    call = await world.start(request, task_queue)
    await world.until(Step.OPEN_ROOM)
    order = next(order for step, order in world.asked if step is Step.OPEN_ROOM)
    assert (order.assistant_id, order.adopted) == ("concierge", True)
    await world.tell(call.id, world.caller_joins())
    await world.tell(call.id, world.caller_leaves())
    assert (await call.result()).ended_reason is EndedReason.CALLER_HUNG_UP


@pytest.mark.usefixtures("unskipped")
async def test_row_that_the_api_withdrew(world: World, task_queue: str) -> None:
    world.row_exists = False
    call = await world.start(world.request(), task_queue)
    report = await call.result()
    assert report.ended_reason is EndedReason.CANCELLED
    assert Step.CLOSE_ROOM in world.steps()


@pytest.mark.usefixtures("unskipped")
async def test_malformed_facts_are_dropped(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue)
    for raw in ({}, {"id": "x"}, {"kind": "participant_left"}, [1], "no", {"id": "y", "kind": 3}):
        await call.signal("fact", raw)
    await world.tell(call.id, world.caller_leaves())
    assert (await call.result()).ended_reason is EndedReason.CALLER_HUNG_UP


@pytest.mark.usefixtures("unskipped")
async def test_recording_is_stopped_before_the_room_closes(world: World, task_queue: str) -> None:
    call = await _talking(world, task_queue, record=True)
    await world.until(Step.START_EGRESS)
    await world.tell(call.id, world.caller_leaves())
    report = await call.result()
    assert report.recording_requested
    steps = world.steps()
    assert steps.index(Step.STOP_EGRESS) < steps.index(Step.CLOSE_ROOM)
    recording = world.client.get_workflow_handle(call.id.replace("call_", "rec_"))
    await recording.result()
    assert [update.status for update in world.recordings] == [
        RecordingStatus.RECORDING,
        RecordingStatus.FINALISING,
        RecordingStatus.READY,
    ]


@pytest.mark.usefixtures("unskipped")
async def test_the_recording_is_measured_by_the_call(world: World, task_queue: str) -> None:
    """Egress had ended before whoever was recorded left."""
    call = await _talking(world, task_queue, record=True)
    await world.until_recording(RecordingStatus.RECORDING)
    left_at = datetime.now(UTC) + timedelta(seconds=60)
    recording = world.client.get_workflow_handle(recording_workflow_id(call.id))
    ended_at = (left_at - timedelta(seconds=20)).isoformat()
    done = {"egress_id": "EG_1", "status": "complete", "ended_at": ended_at}
    await recording.signal("egress", done)
    await world.tell(call.id, world.caller_leaves(at=left_at))
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert told.detail == "Egress ended 20 s before the call did; the rest was not recorded."
    assert (await call.result()).recording_requested


@pytest.mark.usefixtures("unskipped")
async def test_when_a_room_vanished_nobody_knows_so_the_recording_is_not_measured_by_it(
    world: World, task_queue: str
) -> None:
    call = await _talking(world, task_queue, record=True)
    await world.until_recording(RecordingStatus.RECORDING)
    noticed_at = datetime.now(UTC)
    recording = world.client.get_workflow_handle(recording_workflow_id(call.id))
    ended_at = (noticed_at - timedelta(seconds=20)).isoformat()
    done = {"egress_id": "EG_1", "status": "complete", "ended_at": ended_at}
    await recording.signal("egress", done)
    await world.tell(call.id, world.fact(FactKind.ROOM_GONE, FactSource.WATCH, at=noticed_at))
    assert (await call.result()).ended_reason is EndedReason.PLATFORM_ERROR
    await world.until_recording(RecordingStatus.READY)
