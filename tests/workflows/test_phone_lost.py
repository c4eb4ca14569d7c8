"""What nobody can say of a phone, or says late: found out, or told truthfully; never a second
dial."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from contract.calls import CallStatus
from contract.endings import EndedBy, EndedReason
from contract.facts import FactKind, FactSource
from contract.identity import AgentRole
from contract.phone import PHONE_THERE_ERROR, PhoneSeen
from contract.rooms import PING_RPC
from contract.steps import Step
from tests.workflows.phone import Phone
from tests.workflows.test_phone_call import talking
from tests.workflows.world import World

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

LOST_ANSWER = ApplicationError("The process died.", type="lost", non_retryable=True)


async def test_nobody_carries_phone_calls(world: World, task_queue: str) -> None:
    call = await world.start(world.phone.request(), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)
    assert "Nobody carries phone calls" in report.detail
    assert not {Step.LOOK_FOR_PHONE, Step.TELL_PHONE} & set(world.steps())


async def test_atlas_that_never_gets_ready_rings_nobody_up(
    world: World, phone: Phone, task_queue: str
) -> None:
    world.agents_who_come = lambda order: False
    call = await world.start(phone.request(), task_queue)
    joined = {"identity": "atlas-1", "participant_kind": "agent"}
    await world.tell(call.id, world.fact(FactKind.PARTICIPANT_JOINED, data=joined))
    report = await call.result()
    assert report.ended_reason is EndedReason.ASSISTANT_FAILED
    assert Step.DIAL_PHONE not in world.steps()


@pytest.mark.usefixtures("unskipped")
@pytest.mark.parametrize("error", [LOST_ANSWER, ApplicationError("It is.", type=PHONE_THERE_ERROR)])
async def test_a_phone_that_was_answered_meanwhile_is_found(
    world: World, phone: Phone, task_queue: str, error: ApplicationError
) -> None:
    phone.dial_error, phone.seen = error, PhoneSeen(is_there=True, state="answered")
    call = await world.start(phone.request(), task_queue)
    await world.until_status(CallStatus.IN_PROGRESS)
    # The bridge's own moment comes late, and is the one that counts.
    await phone.pick_up(call.id, 5)
    await phone.hang_up(call.id, 25)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 20)
    assert len(world.orders(Step.DIAL_PHONE)) == 1


@pytest.mark.usefixtures("unskipped")
async def test_a_phone_that_still_rings_is_waited_for(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.dial_error, phone.seen = LOST_ANSWER, PhoneSeen(is_there=True, state="ringing")
    call = await world.start(phone.request(), task_queue)
    await world.until(Step.LOOK_FOR_PHONE)
    await phone.pick_up(call.id, 5)
    await world.until_status(CallStatus.IN_PROGRESS)
    await phone.hang_up(call.id, 6)
    assert (await call.result()).ended_reason is EndedReason.CALLEE_HUNG_UP
    assert len(world.orders(Step.DIAL_PHONE)) == 1


async def test_a_phone_that_is_not_there_was_never_rung_twice(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.dial_error, phone.seen, phone.is_there = LOST_ANSWER, PhoneSeen(is_there=False), False
    call = await world.start(phone.request(), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)
    assert report.talk_seconds == 0
    assert len(world.orders(Step.DIAL_PHONE)) == 1
    assert "dialling_unknown" in {entry.kind for entry in world.entries}


@pytest.mark.usefixtures("unskipped")
async def test_a_bridge_that_is_gone_ends_the_call_when_it_was_last_heard(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    phone.lives = False
    for teller in (FactSource.ATLAS, FactSource.MEDIA_BOT):
        heard = {"last_heard_at": phone.at(22).isoformat()}
        lost = world.fact(FactKind.PHONE_LOST, teller, generation=1, seq=9, data=heard)
        await world.tell(call.id, lost)
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)
    assert report.talk_seconds == 17
    assert [who.identity for who in world.orders(Step.REMOVE_PARTICIPANT)] == ["phone"]
    assert [told.method for told in world.orders(Step.TELL_PHONE)] == [PING_RPC]


@pytest.mark.usefixtures("unskipped")
async def test_a_phone_that_answers_is_not_lost_whoever_does_not_hear_it(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    heard = {"last_heard_at": phone.at(22).isoformat()}
    lost = world.fact(FactKind.PHONE_LOST, FactSource.ATLAS, generation=1, seq=9, data=heard)
    await world.tell(call.id, lost)
    await world.until(Step.TELL_PHONE)
    await phone.hang_up(call.id, 25)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 20)


async def test_a_bridge_that_lost_livekit_comes_back(
    world: World, phone: Phone, task_queue: str, env: WorkflowEnvironment
) -> None:
    phone.seen = PhoneSeen(is_there=True, state="answered")
    with env.with_time_skipping_disabled():
        call = await talking(world, phone, task_queue)
        await world.tell(call.id, phone.leaves("UNKNOWN_REASON", at=phone.at(12)))
    await env.fast_forward(call, timedelta(seconds=60))
    assert world.orders(Step.LOOK_FOR_PHONE)
    with env.with_time_skipping_disabled():
        await phone.hang_up(call.id, 80)
        report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 75)


async def test_a_bridge_that_tells_late_is_believed_all_the_same(
    world: World, phone: Phone, task_queue: str, env: WorkflowEnvironment
) -> None:
    """It says BYE when its room goes, and what it tells then is in the record and in the bill."""
    phone.is_there = False
    with env.with_time_skipping_disabled():
        call = await talking(world, phone, task_queue)
        await world.tell(call.id, phone.leaves(at=phone.at(12)))
        await world.until(Step.CLOSE_ROOM)
        await phone.hang_up(call.id, 16)
        report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 11)
    assert world.orders(Step.SETTLE_BILL)[0].ended_at == phone.at(16)
    ended = next(record for record in world.records if record.status is CallStatus.ENDED)
    assert ended.ending is not None
    assert (ended.ending.reason, ended.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 11)
    assert len(world.orders(Step.CLOSE_ROOM)) == 1


@pytest.mark.usefixtures("unskipped")
async def test_the_bridge_knows_better_than_livekit_why_the_phone_left(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await world.tell(call.id, phone.leaves())
    await world.tell(call.id, world.fact(FactKind.ROOM_FINISHED, data={"room_sid": "RM_1"}))
    await phone.hang_up(call.id, 25)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 20)


@pytest.mark.parametrize(
    ("why", "ended"),
    [
        ("PARTICIPANT_REMOVED", (EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR)),
        ("CLIENT_INITIATED", (EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN)),
    ],
)
async def test_a_phone_that_left_without_a_word(
    world: World,
    phone: Phone,
    task_queue: str,
    env: WorkflowEnvironment,
    why: str,
    ended: tuple[EndedReason, EndedBy],
) -> None:
    phone.is_there = False
    with env.with_time_skipping_disabled():
        call = await talking(world, phone, task_queue)
        await world.tell(call.id, phone.leaves(why, at=phone.at(12)))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == ended
    assert report.talk_seconds == 7


@pytest.mark.usefixtures("unskipped")
async def test_what_is_told_after_the_end_changes_nothing(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED))
    await phone.hang_up(call.id, 25)
    await world.until_status(CallStatus.ENDED)  # its usage is still waited for
    await world.tell(call.id, phone.end(phone.report("failed", "us", 99)))
    await phone.tell(call.id, FactKind.ANSWERED, 9, codec="PCMA")
    await phone.tell(call.id, FactKind.HELD, 26, holder="remote", seq=1)
    await world.tell(call.id, phone.leaves())
    lost = world.fact(FactKind.PHONE_LOST, FactSource.ATLAS, generation=1, seq=9)
    await world.tell(call.id, lost)
    await world.tell(call.id, world.of_agent(AgentRole.ATLAS, 1, FactKind.USAGE_REPORTED, items=[]))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 20)
    assert world.statuses.count(CallStatus.ENDED) == 1
    assert Step.REMOVE_PARTICIPANT not in world.steps()


@pytest.mark.usefixtures("unskipped")
async def test_atlas_that_is_not_heard_is_replaced_once(
    world: World, phone: Phone, task_queue: str
) -> None:
    world.silent_agents.add("atlas-1")
    call = await talking(world, phone, task_queue)
    for second, generation in ((20, 1), (20.5, 1), (23, 2)):
        unheard = world.fact(
            FactKind.AGENT_LOST,
            FactSource.MEDIA_BOT,
            at=phone.at(second),
            data={"role": "atlas", "generation": generation},
        )
        await world.tell(call.id, unheard)
        await world.until(Step.DISPATCH_AGENT)
    await phone.hang_up(call.id, 25)
    await call.result()
    assert [order.agent.generation for order in world.orders(Step.DISPATCH_AGENT)] == [2]


@pytest.mark.usefixtures("unskipped")
async def test_atlas_that_is_not_heard_but_answers_stays(
    world: World, phone: Phone, task_queue: str
) -> None:
    """On a busy machine it is the listener who is late."""
    call = await talking(world, phone, task_queue)
    unheard = world.fact(
        FactKind.AGENT_LOST,
        FactSource.MEDIA_BOT,
        at=phone.at(20),
        data={"role": "atlas", "generation": 1},
    )
    await world.tell(call.id, unheard)
    await world.until_atlas_told(PING_RPC)
    await phone.hang_up(call.id, 25)
    await call.result()
    assert Step.DISPATCH_AGENT not in world.steps()
    assert [each.method for each in world.orders(Step.TELL_ATLAS)].count(PING_RPC) == 1
