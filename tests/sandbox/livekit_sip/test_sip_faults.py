"""The stand-in misbehaves exactly as it was told to, and says so in its log."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from google.protobuf.message import DecodeError
from livekit import api

from tests.sandbox.livekit_sip.bench import Bench, Call, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def asking(bench: Bench, call: Call) -> asyncio.Task[api.SIPParticipantInfo]:
    request = bench.request(call.room, call.number, wait_until_answered=True)
    return asyncio.create_task(bench.sip.create_sip_participant(request))


async def calls(bench: Bench, call: Call) -> int:
    found = await bench.carrier("GET", f"calls?to={call.number[1:]}")
    return len(found["calls"])


@pytest.mark.parametrize(
    ("kind", "error"), [("cut", aiohttp.ClientError), ("garbage", DecodeError)]
)
async def test_the_answer_gets_lost_and_the_phone_is_there(
    bench: Bench, kind: str, error: type[Exception]
) -> None:
    call = await bench.open("0100")
    await bench.fault(operation="create", kind=kind, count=1)
    with pytest.raises(error):
        await asking(bench, call)
    await call.until("dialing", "ringing", "active")
    assert await calls(bench, call) == 1
    entry = (await bench.log())[-1]
    assert (entry["operation"], entry["fault"], entry["status"]) == ("create", kind, 200)
    assert entry["room"] == call.room


async def test_the_answer_hangs_while_the_call_goes_on(bench: Bench) -> None:
    call = await bench.open("0100")
    await bench.fault(operation="create", kind="hang", count=1)
    waiting = asking(bench, call)
    await call.until("dialing", "ringing", "active")
    assert not waiting.done()
    await bench.clear_faults()
    info = await asyncio.wait_for(waiting, 5)
    assert info.sip_call_id == call.guest.attributes["sip.callID"]


async def test_a_request_that_is_lost_calls_nobody(bench: Bench) -> None:
    call = await bench.open("0100")
    await bench.fault(operation="create_request", kind="cut", count=1)
    with pytest.raises(aiohttp.ClientError):
        await asking(bench, call)
    await bench.fault(operation="create_request", kind="hang", count=1)
    waiting = asking(bench, call)
    await asyncio.sleep(0.5)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.3)  # that the client has gone is looked at
    await bench.clear_faults()
    await bench.fault(operation="create_request", kind="status", value=503, count=1)
    with pytest.raises(api.ServerError) as refused:
        await asking(bench, call)
    assert (refused.value.code, refused.value.status) == ("unavailable", 503)
    assert await calls(bench, call) == 0
    assert call.guest.statuses == []
    await asking(bench, call)  # and the next one is as ever
    assert await calls(bench, call) == 1


async def test_a_request_that_is_held_back_is_done_in_the_end(bench: Bench) -> None:
    call = await bench.open("0100")
    await bench.fault(operation="create_request", kind="hang", count=1)
    waiting = asking(bench, call)
    await asyncio.sleep(0.5)
    assert await calls(bench, call) == 0
    await bench.clear_faults()
    await asyncio.wait_for(waiting, 10)
    assert await calls(bench, call) == 1


async def test_a_refusal_of_its_own_calls_nobody(bench: Bench) -> None:
    call = await bench.open("0100")
    await bench.fault(kind="status", value=429, count=1)  # whatever is asked next
    with pytest.raises(api.ServerError) as refused:
        await asking(bench, call)
    assert refused.value.status == 429
    assert await calls(bench, call) == 0


async def test_no_number_is_in_the_log(bench: Bench) -> None:
    call = await bench.talk()
    entry = (await bench.log())[-1]
    assert (entry["operation"], entry["room"]) == ("create", call.room)
    assert call.number not in str(await bench.log())
    await bench.remove(call.room)
    assert call.info is not None
    own = bench.stack.run_dir / "logs" / "sip.log"
    await eventually(lambda: call.info.sip_call_id in own.read_text(), "it is logged")
    assert call.number[1:] not in own.read_text()


async def test_malformed_faults_are_refused(bench: Bench) -> None:
    url = f"{bench.control_url}/fault"
    for wrong in (b"{", b"[]", b'{"kind": "explode"}', b'{"kind": "cut", "operation": "dance"}'):
        async with bench.http.post(url, data=wrong) as answer:
            assert answer.status == 422, wrong
