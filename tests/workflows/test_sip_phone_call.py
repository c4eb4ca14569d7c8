"""A call to a telephone over LiveKit SIP: nobody but Atlas and the room tell of it."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from contract.calls import CallStatus, DtmfCommand, HangupCommand, Provider, TransferCommand
from contract.endings import EndedBy, EndedReason
from contract.facts import Fact, FactKind
from contract.identity import AgentRole
from contract.phone import Dialled, DialPhone, LegReport, NotDialled, PhoneSeen
from contract.rooms import AtlasRpc, Gate, PhoneRpc
from contract.steps import Step
from tests.bench.histories import size_of
from tests.workflows.phone import Phone
from tests.workflows.test_phone_call import MOST_EVENTS
from tests.workflows.world import World

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("unskipped"),
]


class SipPhone(Phone):
    """`ring` says what dialling comes to; what it shows in the room, Atlas tells."""

    def request(self, **changes: Any) -> Any:
        return super().request(provider=Provider.LIVEKIT_SIP, **changes)

    def fact(self, kind: FactKind, second: float, **data: Any) -> Fact:
        told = self.world.of_agent(AgentRole.ATLAS, 1, kind, **data)
        return dataclasses.replace(told, at=self.at(second))

    @activity.defn(name=Step.DIAL_PHONE)
    async def dial_phone(self, order: DialPhone) -> Dialled:
        self.world.note(Step.DIAL_PHONE, order)
        if self.dial_error is not None:
            raise self.dial_error
        await self.tell(order.call_id, FactKind.RINGING, 2)
        try:
            while self._decided.empty():
                activity.heartbeat()
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            return Dialled(refused=self.report("cancelled", "us", 7))
        return self._decided.get_nowait()

    async def pick_up(self, call_id: str, second: float = 5, *, atlas_tells: bool = True) -> None:
        """Dialling is said to have come to it a second later: the order's keys were pressed."""
        self._answered_at = self.at(second)
        if atlas_tells:
            await self.tell(call_id, FactKind.ANSWERED, second)
        self._decided.put_nowait(Dialled(answered_at=self.at(second + 1)))

    async def refuse(self, call_id: str, report: LegReport) -> None:
        self._decided.put_nowait(Dialled(refused=report))

    def leaves(self, why: str = "CLIENT_INITIATED", **fields: Any) -> Fact:
        second = fields.pop("second", None)
        if second is not None:
            fields["at"] = self.at(second)
        return super().leaves(why, **fields)


@pytest.fixture
def phone_class() -> type[SipPhone]:
    return SipPhone


async def ringing(world: World, phone: SipPhone, task_queue: str, **changes: Any) -> Any:
    call = await world.start(phone.request(**changes), task_queue)
    await world.until_status(CallStatus.RINGING)
    return call


async def talking(world: World, phone: SipPhone, task_queue: str, **changes: Any) -> Any:
    call = await ringing(world, phone, task_queue, **changes)
    await phone.pick_up(call.id)
    await world.until_status(CallStatus.IN_PROGRESS)
    return call


async def test_whoever_was_called_hangs_up(world: World, phone: SipPhone, task_queue: str) -> None:
    call = await talking(world, phone, task_queue, record=True)
    await world.until(Step.START_EGRESS)
    await phone.tell(call.id, FactKind.DTMF, 11, count=4)
    await phone.hang_up(call.id, 65.5)
    await world.tell(call.id, phone.leaves(second=65.6))
    report = await call.result()

    assert (report.ended_reason, report.ended_by) == (EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE)
    assert report.talk_seconds == 60.5
    assert world.statuses == [CallStatus.RINGING, CallStatus.IN_PROGRESS, CallStatus.ENDED]
    assert world.orders(Step.OPEN_ROOM)[0].gate is Gate.SIP_ACTIVE
    assert not {Step.TELL_PHONE, Step.PUT_OUT_PHONE, Step.TELL_ATLAS} & set(world.steps())
    assert len(world.orders(Step.DIAL_PHONE)) == 1
    bill = world.orders(Step.SETTLE_BILL)[0]
    assert (bill.answered_at, bill.ended_at) == (phone.at(5), phone.at(65.5))
    kinds = [entry.kind for entry in world.entries]
    assert [kinds.count(kind) for kind in ("ringing", "answered", "leg_ended", "dtmf")] == [1] * 4
    events, _ = await size_of(world.client, call.id)
    assert events <= MOST_EVENTS


async def test_that_it_left_the_room_is_enough(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    await phone.pick_up(call.id, atlas_tells=False)
    await world.until_status(CallStatus.IN_PROGRESS)
    await world.tell(call.id, phone.leaves(second=36))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE)
    assert report.talk_seconds == 30  # from where dialling said that it was answered
    assert "no sound" in report.detail


async def test_what_is_told_after_the_record_changes_neither_record_nor_bill(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    """LiveKit's webhook overtook Atlas, who knows to the millisecond, and was written down."""
    world.room_may_close = asyncio.Event()
    call = await talking(world, phone, task_queue)
    await world.tell(call.id, phone.leaves(second=64))
    await world.until_status(CallStatus.ENDED)
    await phone.hang_up(call.id, 64.9)
    world.room_may_close.set()
    report = await call.result()
    (record,) = (each for each in world.records if each.status is CallStatus.ENDED)
    (bill,) = world.orders(Step.SETTLE_BILL)
    assert (record.answered_at, record.ended_at) == (phone.at(5), phone.at(64))
    assert (bill.answered_at, bill.ended_at) == (record.answered_at, record.ended_at)
    assert report.talk_seconds == record.talk_seconds == 59


@pytest.mark.parametrize(
    ("reason", "status", "ended"),
    [
        ("refused", 486, (EndedReason.BUSY, EndedBy.CALLEE)),
        ("refused", 603, (EndedReason.REJECTED, EndedBy.CALLEE)),
        ("refused", 404, (EndedReason.INVALID_NUMBER, EndedBy.CARRIER)),
        ("no-answer", None, (EndedReason.NO_ANSWER, EndedBy.CALLEE)),
    ],
)
@pytest.mark.parametrize("left_first", [True, False], ids=["left-first", "told-first"])
async def test_nobody_answers(
    world: World,
    phone: SipPhone,
    task_queue: str,
    reason: str,
    status: int | None,
    ended: tuple[EndedReason, EndedBy],
    left_first: bool,
) -> None:
    call = await ringing(world, phone, task_queue)
    if left_first:
        await world.tell(call.id, phone.leaves("USER_REJECTED", second=8.9))
    await phone.refuse(call.id, phone.report(reason, "them", 9, sip_status=status))
    report = await call.result()
    assert (report.ended_reason, report.ended_by, report.talk_seconds) == (*ended, 0)
    assert world.orders(Step.SETTLE_BILL)[0].answered_at is None
    assert Step.PUT_OUT_PHONE not in world.steps()


async def test_a_refusal_of_which_only_the_room_tells(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    await world.tell(call.id, phone.leaves("USER_UNAVAILABLE"))
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.NO_ANSWER, EndedBy.CALLEE)


async def test_an_operator_gives_up_while_it_rings(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.OPERATOR_HUNG_UP, 0)
    assert Step.PUT_OUT_PHONE not in world.steps()  # whoever dialled has done so


async def test_an_operator_hangs_up_the_phone(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    report = await call.result()
    assert report.ended_reason is EndedReason.OPERATOR_HUNG_UP
    assert report.talk_seconds == 25  # until it was put out of the room, not until we heard of it
    steps = world.steps()
    assert steps.count(Step.PUT_OUT_PHONE) == 1
    assert steps.index(Step.PUT_OUT_PHONE) < steps.index(Step.CLOSE_ROOM)
    assert world.orders(Step.PUT_OUT_PHONE)[0].identity == "phone"


async def test_somebody_removes_it_in_livekit(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    await world.tell(call.id, phone.leaves("PARTICIPANT_REMOVED", second=15))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.OPERATOR_TERMINATED, 10)


async def test_livekit_sip_is_not_there(world: World, phone: SipPhone, task_queue: str) -> None:
    phone.dial_error = ApplicationError(
        "No gateway.", type=NotDialled.SIP_AWAY.value, non_retryable=True
    )
    call = await world.start(phone.request(), task_queue)
    report = await call.result()
    ended = EndedReason.PROVIDER_ERROR, EndedBy.PROVIDER, "No gateway."
    assert (report.ended_reason, report.ended_by, report.detail) == ended
    assert not {Step.LOOK_FOR_PHONE, Step.PUT_OUT_PHONE} & set(world.steps())


async def test_dialling_whose_answer_got_lost_is_looked_for_in_the_room(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    phone.dial_error = ApplicationError("It was cut.", type="livekit-unreachable")
    call = await world.start(phone.request(), task_queue)
    await world.until(Step.LOOK_FOR_PHONE)
    await phone.tell(call.id, FactKind.ANSWERED, 5)
    await world.until_status(CallStatus.IN_PROGRESS)
    await phone.hang_up(call.id, 8)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 3)
    assert len(world.orders(Step.DIAL_PHONE)) == 1


async def test_a_phone_that_nobody_finds_is_removed_all_the_same(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    """It may come into the room after it was looked for."""
    phone.seen = PhoneSeen(is_there=False)
    phone.dial_error = ApplicationError("It was cut.", type="livekit-unreachable")
    call = await world.start(phone.request(), task_queue)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.PLATFORM_ERROR, 0)
    steps = world.steps()
    assert steps.index(Step.PUT_OUT_PHONE) < steps.index(Step.CLOSE_ROOM)


async def test_while_the_orders_keys_are_pressed_atlas_is_not_told_to_start(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    """It is answered, and billed; what it hears is a machine's menu."""
    call = await ringing(world, phone, task_queue, order={"dtmf": "1wwww2"}, record=True)
    await phone.tell(call.id, FactKind.ANSWERED, 5)
    await world.until(Step.START_EGRESS)  # the story has gone past the start
    await phone.hang_up(call.id, 12)
    await call.result()
    assert AtlasRpc.START not in [order.method for order in world.orders(Step.TELL_ATLAS)]


async def test_the_bill_ends_when_livekit_lost_it(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    """Which is believed half a minute later, as it might have come back."""
    phone.is_there, phone.seen = False, PhoneSeen(is_there=False)
    call = await talking(world, phone, task_queue)
    await world.tell(call.id, phone.leaves("CONNECTION_TIMEOUT", second=9))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 4)


async def test_that_it_left_may_be_told_before_its_answer(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    await world.tell(call.id, phone.leaves(second=10))
    await phone.pick_up(call.id, 4, atlas_tells=False)
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.CALLEE_HUNG_UP, 5)


async def test_an_unknown_dial_whose_phone_talks_by_now(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    """Nobody told of the answer: the Atlas that saw it has died as well."""
    phone.dial_error = ApplicationError("It was cut.", type="livekit-unreachable")
    call = await world.start(phone.request(order={"ringing_timeout_seconds": 1}), task_queue)
    await world.until(Step.LOOK_FOR_PHONE)
    phone.seen = PhoneSeen(is_there=True, state="answered")
    await world.until_status(CallStatus.IN_PROGRESS)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    assert (await call.result()).ended_reason is EndedReason.OPERATOR_HUNG_UP


async def test_a_transfer_that_takes_longer_than_the_far_sides_patience(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)

    async def leaves_and_rings_elsewhere() -> None:
        await phone.hang_up(call.id, 9)
        await world.tell(call.id, phone.leaves(second=9))
        await asyncio.sleep(4)

    phone.on_transfer = leaves_and_rings_elsewhere
    await call.execute_update("transfer", TransferCommand("operator-1", "+919876500199"))
    report = await call.result()
    assert (report.ended_reason, report.talk_seconds) == (EndedReason.TRANSFERRED, 4)


async def test_a_hang_up_does_not_wait_for_a_transfer(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    over = asyncio.Event()
    phone.on_transfer = over.wait
    wish = TransferCommand("operator-1", "+919876500199")
    handing_on = asyncio.create_task(call.execute_update("transfer", wish))
    await world.until(Step.TRANSFER_PHONE)
    await call.execute_update("hangup", HangupCommand("operator-1"))
    try:
        async with asyncio.timeout(15):
            report = await call.result()
    finally:
        over.set()
    assert report.ended_reason is EndedReason.OPERATOR_HUNG_UP
    with pytest.raises(WorkflowUpdateFailedError):
        await handing_on


async def test_an_atlas_that_has_just_died_presses_nothing(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)
    phone.is_there = False  # who is asked, which is Atlas
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await call.execute_update("dtmf", DtmfCommand("operator-1", "1"))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "phone-unreachable"
    await phone.hang_up(call.id, 9)
    await call.result()


async def test_atlas_presses_the_keys(world: World, phone: SipPhone, task_queue: str) -> None:
    call = await talking(world, phone, task_queue)
    await call.execute_update("dtmf", DtmfCommand("operator-1", "1w2"), id="keys-1")
    told = world.orders(Step.TELL_PHONE)[0]
    assert (told.identity, told.method) == ("atlas-1", PhoneRpc.DTMF)
    assert told.payload == {"digits": "1w2", "id": "keys-1"}
    await phone.hang_up(call.id, 9)
    await call.result()


async def test_it_is_handed_on(world: World, phone: SipPhone, task_queue: str) -> None:
    """The far side hangs up as soon as it has the other one, before we are told of that."""
    call = await talking(world, phone, task_queue)

    async def leaves() -> None:
        await phone.hang_up(call.id, 9)
        await world.tell(call.id, phone.leaves(second=9))

    phone.on_transfer = leaves
    answer = await call.execute_update(
        "transfer", TransferCommand("operator-1", "+919876500199"), id="transfer-1"
    )
    assert answer["sip_status"] == 200
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.TRANSFERRED, EndedBy.OPERATOR)
    order = world.orders(Step.TRANSFER_PHONE)[0]
    assert (order.trunk_id, order.to_number) == ("sandbox", "+919876500199")


async def test_a_transfer_that_is_refused_leaves_the_call_as_it_is(
    world: World, phone: SipPhone, task_queue: str
) -> None:
    phone.transfer_answer = {"sip_status": 603, "sip_phrase": "Decline"}
    call = await talking(world, phone, task_queue)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await call.execute_update("transfer", TransferCommand("operator-1", "+919876500199"))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "transfer-refused"
    await phone.hang_up(call.id, 9)
    assert (await call.result()).ended_reason is EndedReason.CALLEE_HUNG_UP
