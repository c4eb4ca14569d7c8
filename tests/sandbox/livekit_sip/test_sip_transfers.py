"""Handing a phone on: REFER, what the far side says of it, and BYE a second later."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest
from google.protobuf.duration_pb2 import Duration
from livekit import api

from tests.sandbox.livekit_sip.bench import PHONE, Bench, Call

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

TARGET = "sip:+15550100@127.0.0.1:5070"


async def transfer(bench: Bench, room: str, to: str = TARGET, **fields: Any) -> object:
    return await bench.sip.transfer_sip_participant(
        api.TransferSIPParticipantRequest(
            room_name=room, participant_identity=PHONE, transfer_to=to, **fields
        )
    )


async def refused(bench: Bench, room: str, to: str = TARGET) -> api.ServerError:
    with pytest.raises(api.ServerError) as caught:
        await transfer(bench, room, to)
    return caught.value


async def asked_for(call: Call) -> list[str]:
    doings = (await call.record())["doings"]
    return [each["target"] for each in doings if each["what"] == "transfer-requested"]


async def test_a_phone_is_handed_on(bench: Bench) -> None:
    call = await bench.talk()
    await transfer(bench, call.room, headers={"X-From": "us"})
    answered = time.monotonic()
    assert call.guest.statuses[-1] == "active"
    assert await call.gone() == "CLIENT_INITIATED"
    assert time.monotonic() - answered > 0.8
    assert call.guest.statuses[-1] == "hangup"
    assert await asked_for(call) == [TARGET]
    assert (await call.over())["ended_by"] == "bridge"


async def test_a_number_is_one_of_the_same_trunk(bench: Bench) -> None:
    call = await bench.talk()
    await transfer(bench, call.room, "tel:+15550100")
    (target,) = await asked_for(call)
    assert target.startswith(f"sip:+15550100@{bench.carrier_address}")


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [("0131", 603, "permission_denied"), ("0132", 486, "resource_exhausted")],
)
async def test_a_transfer_that_fails_leaves_the_call_as_it_was(
    bench: Bench, ending: str, status: int, code: str
) -> None:
    call = await bench.talk(ending)
    error = await refused(bench, call.room)
    assert isinstance(error, api.SipCallError)
    assert error.sip_status_code == status
    assert error.code == code
    again = await refused(bench, call.room)  # nothing of the first is left in the way
    assert isinstance(again, api.SipCallError)
    assert again.sip_status_code == status
    assert (await call.record())["ended_at"] is None
    assert call.guest.statuses[-1] == "active"


async def test_what_cannot_be_handed_on(bench: Bench) -> None:
    nobody = await refused(bench, "no-such-room")
    assert (nobody.code, nobody.status) == ("not_found", 404)
    call = await bench.dial("0162")
    await call.until("dialing", "ringing")
    too_early = await refused(bench, call.room)
    assert (too_early.code, too_early.status) == ("failed_precondition", 412)
    for wrong in ("+15550100", "sip:", "mailto:someone@example.com"):
        assert (await refused(bench, call.room, wrong)).code == "invalid_argument"
    assert await asked_for(call) == []


async def test_the_answer_gets_lost_and_the_phone_is_handed_on(bench: Bench) -> None:
    call = await bench.talk()
    await bench.fault(operation="transfer", kind="cut", count=1)
    with pytest.raises(aiohttp.ClientError):
        await transfer(bench, call.room, ringing_timeout=Duration(seconds=5))
    assert await call.gone() == "CLIENT_INITIATED"
    assert await asked_for(call) == [TARGET]
