"""Keys and transfers: what an operator may ask of a phone that talks."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from contract.calls import CallStatus, DtmfCommand, TransferAnswer, TransferCommand
from contract.endings import EndedBy, EndedReason
from contract.rooms import PhoneRpc
from contract.steps import Step
from tests.workflows.phone import Phone
from tests.workflows.test_phone_call import ringing, talking
from tests.workflows.world import World

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("unskipped"),
]

KEYS = DtmfCommand("operator-1", "12w#")
AWAY = TransferCommand("operator-1", "+919876500199")


async def refused(call: Any, verb: str, command: object) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as found:
        await call.execute_update(verb, command)
    assert isinstance(found.value.cause, ApplicationError)
    return found.value.cause


async def test_keys_are_pressed_under_an_id(world: World, phone: Phone, task_queue: str) -> None:
    call = await talking(world, phone, task_queue)
    for _ in range(2):  # a repeat of the request
        await call.execute_update("dtmf", KEYS, id="dtmf-1")
    (asked,) = world.orders(Step.TELL_PHONE)
    assert (asked.method, asked.payload) == (PhoneRpc.DTMF, {"digits": "12w#", "id": "dtmf-1"})
    assert (await refused(call, "dtmf", DtmfCommand("operator-1", "12x"))).type == "bad-dtmf"
    await phone.hang_up(call.id, 20)
    await call.result()
    sent = next(entry for entry in world.entries if entry.kind == "dtmf_sent")
    assert sent.data == {"count": 3, "requested_by": "operator-1"}  # which ones is a secret


async def test_only_a_phone_that_talks_can_be_asked(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await ringing(world, phone, task_queue)
    for verb, command in (("dtmf", KEYS), ("transfer", AWAY)):
        assert (await refused(call, verb, command)).type == "call-not-answered"
    await phone.pick_up(call.id)
    await world.until_status(CallStatus.IN_PROGRESS)
    phone.is_there = False
    assert (await refused(call, "dtmf", KEYS)).type == "no-phone-leg"
    await phone.hang_up(call.id, 20)
    await call.result()


async def test_a_web_call_has_no_phone(world: World, task_queue: str) -> None:
    call = await world.start(world.request(), task_queue)
    await world.tell(call.id, world.caller_joins())
    await world.until_status(CallStatus.IN_PROGRESS)
    for verb, command in (("dtmf", KEYS), ("transfer", AWAY)):
        assert (await refused(call, verb, command)).type == "no-phone-leg"
    await world.tell(call.id, world.caller_leaves())
    await call.result()


@pytest.mark.parametrize("end_comes", ["before the answer", "instead of it", "after it"])
async def test_a_transfer_that_gets_there_ends_the_call(
    world: World, phone: Phone, task_queue: str, end_comes: str
) -> None:
    call = await talking(world, phone, task_queue)
    over = phone.end(phone.report("transferred", "us", 30))

    async def far_side() -> None:
        if end_comes != "after it":
            await world.tell(call.id, over)
        if end_comes == "instead of it":
            raise ApplicationError("The phone has left.", non_retryable=True)

    phone.on_transfer = far_side
    answer = await call.execute_update("transfer", AWAY, id="t-1", result_type=TransferAnswer)
    assert answer == TransferAnswer(200, "OK")
    if end_comes == "after it":
        await world.tell(call.id, over)
    report = await call.result()
    assert (report.ended_reason, report.ended_by) == (EndedReason.TRANSFERRED, EndedBy.OPERATOR)
    assert report.talk_seconds == 25
    assert world.orders(Step.TELL_PHONE)[0].payload == {"to": AWAY.to_number, "id": "t-1"}
    assert AWAY.to_number not in str(world.entries)


async def test_a_transfer_that_is_refused_leaves_the_call_as_it_is(
    world: World, phone: Phone, task_queue: str
) -> None:
    phone.transfer_answer = {"ok": False, "sip_status": 403, "sip_phrase": "Forbidden"}
    call = await talking(world, phone, task_queue)
    error = await refused(call, "transfer", AWAY)
    assert (error.type, error.message) == (
        "transfer-refused",
        "The far side answered 403 Forbidden.",
    )
    await phone.hang_up(call.id, 25)
    assert (await call.result()).ended_reason is EndedReason.CALLEE_HUNG_UP


async def test_a_call_that_ends_during_a_transfer_says_so(
    world: World, phone: Phone, task_queue: str
) -> None:
    call = await talking(world, phone, task_queue)

    async def far_side() -> None:
        await phone.hang_up(call.id, 30)
        raise ApplicationError("The phone has left.", non_retryable=True)

    phone.on_transfer = far_side
    assert (await refused(call, "transfer", AWAY)).type == "call-ended"
    assert (await call.result()).ended_reason is EndedReason.CALLEE_HUNG_UP
