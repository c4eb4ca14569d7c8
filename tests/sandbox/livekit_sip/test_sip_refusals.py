"""Nobody to talk to: what the API says, and why the participant leaves."""

from __future__ import annotations

import asyncio
import base64

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol.sip import SIPStatus

from tests.sandbox.livekit_sip.bench import Bench, Call

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

REFUSALS = [
    ("0160", "resource_exhausted", 429, 486, "Busy Here", "USER_REJECTED"),
    ("0164", "resource_exhausted", 429, 480, "Temporarily Unavailable", "USER_UNAVAILABLE"),
    ("0161", "permission_denied", 403, 603, "Decline", "USER_REJECTED"),
    ("0165", "failed_precondition", 412, 503, "Service Unavailable", "CLIENT_INITIATED"),
    ("0163", "not_found", 404, 404, "Not Found", "CLIENT_INITIATED"),
    ("0403", "invalid_argument", 400, 403, "Forbidden", "CLIENT_INITIATED"),
]
WORDS = {
    486: "INVITE failed: sip status: 486: Busy Here",
    603: "unexpected status from INVITE response: sip status: 603: Decline",
}


async def refused(bench: Bench, call: Call, **fields: object) -> api.ServerError:
    with pytest.raises(api.ServerError) as caught:
        await bench.sip.create_sip_participant(
            bench.request(call.room, call.number, wait_until_answered=True, **fields)
        )
    return caught.value


@pytest.mark.parametrize(("ending", "code", "http", "status", "phrase", "reason"), REFUSALS)
async def test_the_far_side_refuses(
    bench: Bench, ending: str, code: str, http: int, status: int, phrase: str, reason: str
) -> None:
    call = await bench.open(ending)
    error = await refused(bench, call)
    assert isinstance(error, api.SipCallError)
    assert (error.code, error.status) == (code, http)
    assert (error.sip_status_code, error.sip_status) == (status, phrase)
    if status in WORDS:
        assert error.message == f"twirp error unknown: {WORDS[status]}"
    packed, told = Any(), SIPStatus()
    packed.ParseFromString(base64.b64decode(error.metadata["error_details"]))
    assert packed.Unpack(told)
    assert int(told.code) == status
    assert await call.gone() == reason
    assert not {"active", "hangup"} & set(call.guest.statuses)
    assert len(await call.records()) == 1


async def test_who_does_not_wait_sees_it_in_the_room_only(bench: Bench) -> None:
    call = await bench.dial("0161")
    assert call.info is not None
    assert await call.gone() == "USER_REJECTED"
    assert call.guest.statuses[-1] == "ringing"


@pytest.mark.parametrize("ending", ["0162", "0105"], ids=["nobody", "crossing"])
async def test_nobody_answers_in_time(bench: Bench, ending: str) -> None:
    """Also when the answer crosses our CANCEL, which the carrier bills."""
    call = await bench.open(ending)
    error = await refused(bench, call, ringing_timeout=Duration(seconds=2))
    assert not isinstance(error, api.SipCallError)
    assert (error.code, error.status) == ("canceled", 408)
    assert error.message == "twirp error unknown: sip request timed out"
    assert error.metadata == {}
    assert await call.gone() == "USER_UNAVAILABLE"
    assert "active" not in call.guest.statuses
    record = await call.over()
    assert record["answered"] is (ending == "0105")
    assert record["ended_by"] == "bridge"


async def test_removed_while_somebody_waits(bench: Bench) -> None:
    call = await bench.open("0162")
    waiting = asyncio.create_task(refused(bench, call))
    await call.until("dialing", "ringing")
    await bench.remove(call.room)
    error = await asyncio.wait_for(waiting, 5)
    assert (error.code, error.status) == ("canceled", 408)
    assert await call.gone() == "PARTICIPANT_REMOVED"
    assert (await call.over())["status"] == 487


async def test_a_carrier_that_is_not_there(bench: Bench) -> None:
    call = await bench.open("0100")
    nowhere = api.SIPOutboundConfig(
        hostname="127.0.0.1:1", transport=api.SIPTransport.SIP_TRANSPORT_TCP
    )
    error = await refused(bench, call, trunk=nowhere)
    assert not isinstance(error, api.SipCallError)
    assert error.code == "canceled"
    assert await call.gone() == "CLIENT_INITIATED"


async def test_an_answer_that_cannot_be_used(bench: Bench) -> None:
    call = await bench.open("0100")
    await bench.carrier("POST", "fault", {"operation": "invite", "kind": "garbage", "count": 1})
    error = await refused(bench, call)
    assert not isinstance(error, api.SipCallError)
    assert (error.code, error.status) == ("internal", 500)
    assert await call.gone() == "CLIENT_INITIATED"
    assert "active" not in call.guest.statuses
