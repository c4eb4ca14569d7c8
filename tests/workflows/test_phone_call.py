"""A call to a telephone, from its line to its bill."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from contract.calls import CallStatus, DtmfCommand, HangupCommand
from contract.endings import EndedBy, EndedReason
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.phone import NotDialled
from contract.rooms import AtlasRpc, Gate, PhoneRpc
from contract.steps import LineTaken, Step
from tests.bench.histories import size_of
from tests.workflows.conftest import bridge
from tests.workflows.phone import Phone
from tests.workflows.world import World
from workflows.call import CallWorkflow
from workflows.recording import RecordingWorkflow
from workflows.sandbox import our_sandbox

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("unskipped"),
]

MOST_EVENTS = 150  # of an ordinary call (design section 11)


async def ringing(world: World, phone: Phone, task_queue: str, **changes: Any) -> Any:
    call = await world.start(phone.request(**changes), task_queue)
    await world.until_status(CallStatus.RINGING)
    return call


async def talking(world: World, phone: Phone, task_queue: str, **changes: Any) -> Any:
    """Answered at the bridge's fifth second."""
    call = await ringing(world, phone, task_queue, **changes)
    await phone.pick_up(call.id, 5)
    await world.until_status(CallStatus.IN_PROGRESS)
    return call


async def test_whoever_was_called_hangs_up(world: World, phone: Phone, task_queue: str) -> None:
    call = await talking(world, phone, task_queue, record=True, order={"dtmf": "9w1"})
    await world.until(Step.START_EGRESS)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED))
    for kind in (FactKind.QUALITY, FactKind.CONNECTION_CHANGED):
        await phone.tell(call.id, kind, 10)
    await phone.tell(call.id, FactKind.DTMF, 11, count=4)
    await phone.hang_up(call.id, 65.5)
    await world.tell(call.id, phone.leaves())
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.USAGE_REPORTED, items=[]))
    report = await call.result()

    assert (report.ended_reason, report.ended_by) == (EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE)
    assert report.talk_seconds == 60.5
    assert world.statuses == [CallStatus.RINGING, CallStatus.IN_PROGRESS, CallStatus.ENDED]
    steps = world.steps()
    story = [Step.TAKE_LINE, Step.OPEN_ROOM, Step.DIAL_PHONE, Step.TELL_ATLAS, Step.START_EGRESS]
    assert [steps.index(step) for step in story] == sorted(steps.index(step) for step in story)
    assert world.orders(Step.TELL_ATLAS)[0].method == AtlasRpc.START
    assert Step.TELL_PHONE not in steps  # the leg was over
    room = world.orders(Step.OPEN_ROOM)[0]
    assert (room.gate, room.human_identity) == (Gate.PHONE_ANSWERED, "phone")
    bill = world.orders(Step.SETTLE_BILL)[0]
    assert (bill.answered_at, bill.ended_at) == (phone.at(5), phone.at(65.5))
    last = world.records[-1]
    ended = next(record for record in world.records if record.status is CallStatus.ENDED)
    assert (ended.answered_at, ended.ended_at) == (phone.at(5), phone.at(65.5))
    told = {entry.kind for entry in world.entries}
    assert {"ringing", "answered", "leg_ended", "dtmf", "quality", "connection_changed"} <= told
    (pressed,) = [entry for entry in world.entries if entry.kind == "dtmf_sent"]
    assert (pressed.at, pressed.data) == (phone.at(5), {"count": 2})
    assert last.call_id == call.id
    events, _ = await size_of(world.client, call.id)
    assert events <= MOST_EVENTS


@pytest.mark.parametrize(
    ("reason", "status", "ended"),
    [
        ("busy", 486, (EndedReason.BUSY, EndedBy.CALLEE)),
        ("rejected", 603, (EndedReason.REJECTED, EndedBy.CALLEE)),
        ("refused", 404, (EndedReason.INVALID_NUMBER, EndedBy.CARRIER)),
        ("refused", 503, (EndedReason.CARRIER_BLOCKED, EndedBy.CARRIER)),
        ("no-answer", 487, (EndedReason.NO_ANSWER, EndedBy.CALLEE)),
        ("unreachable", None, (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER)),
    ],
)
async def test_nobody_answers(
    world: World,
    phone: Phone,
    task_queue: str,
    reason: str,
    status: int | None,
    ended: tuple[EndedReason, EndedBy],
) -> None:
    call = await ringing(world, phone, task_queue)
    await phone.refuse(call.id, phone.report(reason, "them", 9, sip_status=status))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == ended
    assert report.talk_seconds == 0
    bill = world.orders(Step.SETTLE_BILL)[0]
    assert (bill.answered_at, bill.ended_at) == (None, phone.at(9))
    assert world.orders(Step.TELL_ATLAS) == []
    assert len(world.orders(Step.DIAL_PHONE)) == 1


async def test_an_operator_gives_up_while_it_rings(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.OPERATOR_HUNG_UP, 0)
    assert world.orders(Step.SETTLE_BILL)[0].answered_at is None
    assert Step.TELL_PHONE not in world.steps()  # CANCEL was all it took


async def test_an_admin_cancels_the_workflow_while_it_rings(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    await call.cancel()
    await call.cancel()
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.CANCELLED, EndedBy.OPERATOR)
    ended = next(record for record in world.records if record.status is CallStatus.ENDED)
    assert ended.ended_at == phone.at(7)  # the bridge's: CANCEL was sent and answered


async def test_an_answer_that_crosses_the_cancel_is_billed_by_the_bridges_clock(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.answers_cancel_with_200 = True
    call = await ringing(world, phone, task_queue)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.OPERATOR_HUNG_UP, 1.5)
    bill = world.orders(Step.SETTLE_BILL)[0]
    assert (bill.answered_at, bill.ended_at) == (phone.at(6), phone.at(7.5))
    ended = next(record for record in world.records if record.status is CallStatus.ENDED)
    assert (ended.answered_at, ended.talk_seconds) == (phone.at(6), 1.5)
    assert CallStatus.IN_PROGRESS not in world.statuses  # there was never a talk


async def test_an_operator_hangs_up_the_phone(world: World, phone: Phone, task_queue: str) -> None:
    call = await talking(world, phone, task_queue)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.OPERATOR_HUNG_UP, 25)
    steps = world.steps()
    assert steps.index(Step.TELL_PHONE) < steps.index(Step.CLOSE_ROOM)
    assert world.orders(Step.TELL_PHONE)[0].method == PhoneRpc.HANGUP
    assert Step.REMOVE_PARTICIPANT not in steps


async def test_a_phone_that_does_not_hang_up_is_removed(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.hangup_error = ApplicationError("It does not answer.", type="livekit-unavailable")
    call = await talking(world, phone, task_queue)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.ASSISTANT_ENDED))
    await world.until(Step.REMOVE_PARTICIPANT)
    await world.tell(call.id, phone.end(phone.report("removed", "us", 40)))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.ASSISTANT_HUNG_UP, 35)
    assert world.orders(Step.REMOVE_PARTICIPANT)[0].identity == "phone"


async def test_every_line_is_in_use(world: World, phone: Phone, task_queue: str) -> None:
    phone.lines = [LineTaken(False, "Every line is in use.")] * 3
    call = await world.start(phone.request(order={"queue_seconds": 45}), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.CAPACITY, EndedBy.PLATFORM)
    assert [order.patience for order in world.orders(Step.TAKE_LINE)] == [20, 20, 5]
    assert Step.OPEN_ROOM not in world.steps()
    assert world.statuses == [CallStatus.ENDED]


async def test_a_line_comes_free_while_it_waits(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.lines = [LineTaken(False), LineTaken(True)]
    call = await talking(world, phone, task_queue, order={"queue_seconds": 30})
    await phone.hang_up(call.id, 6)
    assert (await call.result()).ended_reason is EndedReason.CALLEE_HUNG_UP


async def test_nobody_is_rung_up_before_atlas_can_speak(
    world: World, phone: Phone, task_queue: str
) -> None:
    world.agents_who_come = lambda order: False
    call = await world.start(phone.request(), task_queue)
    await world.until(Step.OPEN_ROOM)
    joined = {"identity": "atlas-1", "participant_kind": "agent"}
    await world.tell(call.id, world.fact(FactKind.PARTICIPANT_JOINED, data=joined))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await call.execute_update("dtmf", DtmfCommand("operator-1", "1"))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "call-not-answered"
    assert Step.DIAL_PHONE not in world.steps()
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.AGENT_READY))
    await world.until(Step.DIAL_PHONE)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    await call.result()


@pytest.mark.parametrize(
    ("why", "ended"),
    [
        (NotDialled.TRUNK_DISABLED, (EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM)),
        (NotDialled.TRUNK_BUSY, (EndedReason.CAPACITY, EndedBy.PLATFORM)),
        (NotDialled.LIVEKIT_AWAY, (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)),
    ],
)
async def test_what_could_not_be_dialled_says_why(
    world: World, phone: Phone, task_queue: str, why: NotDialled, ended: Any
) -> None:
    phone.dial_error = ApplicationError("In words.", type=why.value, non_retryable=True)
    call = await world.start(phone.request(), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.ended_by, report.detail) == (*ended, "In words.")
    assert not {Step.LOOK_FOR_PHONE, Step.TELL_PHONE} & set(world.steps())


async def test_a_bridge_that_is_shut_down_leaves_the_dialling_to_another(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.turns_away = 2
    call = await talking(world, phone, task_queue)
    await phone.hang_up(call.id, 6)
    assert (await call.result()).ended_reason is EndedReason.CALLEE_HUNG_UP
    assert len(world.orders(Step.DIAL_PHONE)) == 3


async def test_when_every_bridge_is_shut_down_the_call_says_so(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.turns_away = 9
    call = await world.start(phone.request(), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.detail) == (EndedReason.PLATFORM_ERROR, "Shut down.")
    assert len(world.orders(Step.DIAL_PHONE)) == 3


async def test_workers_that_are_replaced_dial_once(
    world: World, client: Client, env: WorkflowEnvironment
) -> None:
    """Each task of this call is carried on by somebody who has only its history."""
    phone, queue = Phone(world, "a-bridge-of-its-own"), "calls-of-many-workers"

    def worker() -> Worker:
        return Worker(
            client,
            task_queue=queue,
            workflows=[CallWorkflow, RecordingWorkflow],
            activities=[*world.activities, *phone.activities],
            workflow_runner=our_sandbox(),
            max_cached_workflows=0,
        )

    async with bridge(client, phone):
        async with worker():
            call = await ringing(world, phone, queue)
        async with worker():
            await phone.pick_up(call.id)
            await world.until_status(CallStatus.IN_PROGRESS)
        async with worker():
            await phone.hang_up(call.id, 8)
            report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 3)
    assert len(world.orders(Step.DIAL_PHONE)) == 1


@pytest.mark.parametrize(
    ("minutes", "ended", "dials"),
    [
        pytest.param(4, EndedReason.CALLEE_HUNG_UP, 1, id="still-awaited"),
        pytest.param(180, EndedReason.PLATFORM_ERROR, 0, id="hours-late"),
    ],
)
async def test_a_phone_does_not_ring_hours_after_its_order(
    world: World,
    client: Client,
    env: WorkflowEnvironment,
    minutes: int,
    ended: EndedReason,
    dials: int,
) -> None:
    """Nobody carries it on for so long: here Temporal, which holds it back; else no worker."""
    phone, queue = Phone(world, f"a-bridge-{minutes}-late"), f"calls-{minutes}-late"
    late, order = timedelta(minutes=minutes), phone.request(order={"queue_seconds": 0})
    call = await world.start(order, queue, start_delay=late)
    await env.fast_forward(call, late)
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[CallWorkflow, RecordingWorkflow],
        activities=[*world.activities, *phone.activities],
        workflow_runner=our_sandbox(),
    )
    async with bridge(client, phone), worker:
        if dials:
            await world.until_status(CallStatus.RINGING)
            await phone.pick_up(call.id)
            await world.until_status(CallStatus.IN_PROGRESS)
            await phone.hang_up(call.id, 8)
        report = await call.result()
    assert report.ended_reason is ended
    assert len(world.orders(Step.DIAL_PHONE)) == dials
    if not dials:
        assert report.detail == "Not dialled: no worker carried the call on for 180 minutes."
        assert Step.OPEN_ROOM not in world.steps()
