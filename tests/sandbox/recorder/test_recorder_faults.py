"""The recorder misbehaves exactly as it was told to, and says so in its log."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from google.protobuf.message import DecodeError
from livekit import api

from tests.sandbox.recorder.bench import Bench

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def running(bench: Bench, room: str) -> list[str]:
    answer = await bench.egress.list_egress(api.ListEgressRequest(room_name=room, active=True))
    return [info.egress_id for info in answer.items]


async def test_no_egress_service(bench: Bench) -> None:
    room = await bench.room()
    await bench.fault(operation="start", kind="status", value=503, count=1)
    with pytest.raises(api.ServerError) as refused:
        await bench.start(room)
    assert (refused.value.code, refused.value.status) == ("unavailable", 503)
    assert refused.value.message == "twirp error unknown: no response from servers"
    assert await running(bench, room) == []
    entry = [entry for entry in await bench.log() if entry["operation"] == "start"][-1]
    assert (entry["fault"], entry["status"]) == ("status", 503)


async def test_the_answer_to_a_start_is_lost(bench: Bench) -> None:
    room = await bench.room()
    await bench.fault(operation="start", kind="cut", count=1)
    with pytest.raises(aiohttp.ClientError):
        await bench.start(room)
    (egress_id,) = await running(bench, room)
    await bench.stop(egress_id)


async def test_an_unreadable_answer(bench: Bench) -> None:
    await bench.fault(operation="list", kind="garbage", count=1)
    with pytest.raises(DecodeError):
        await running(bench, "any")
    assert await running(bench, "any") == []


async def test_slow_and_hanging_answers(bench: Bench) -> None:
    await bench.fault(operation="list", kind="slow", value=0.6, count=1)
    asked = time.monotonic()
    await running(bench, "any")
    assert 0.6 <= time.monotonic() - asked < 5
    await bench.fault(operation="list", kind="hang", count=1)
    hanging = asyncio.create_task(running(bench, "any"))
    await asyncio.sleep(0.5)
    assert not hanging.done()
    await bench.clear_faults()
    assert await asyncio.wait_for(hanging, 10) == []


@pytest.mark.parametrize("kind", ["hang", "cut", "garbage"])
async def test_webhooks_that_do_not_arrive(bench: Bench, kind: str) -> None:
    """One event is held back, lost or spoiled; what follows keeps its order."""
    room = await bench.room()
    refused_before = bench.receiver.refused
    await bench.fault(operation="webhook", kind=kind, count=1)
    egress = await bench.start(room)
    await bench.stop(egress.egress_id)
    if kind == "hang":
        await asyncio.sleep(0.4)
        assert bench.receiver.of(egress.egress_id) == []
        await bench.clear_faults()
    count = 2 if kind == "hang" else 1
    events = [body["event"] for body in await bench.events(egress.egress_id, count)]
    assert events == ["egress_started", "egress_ended"][-count:]
    assert bench.receiver.refused - refused_before == (1 if kind == "garbage" else 0)


async def test_a_receiver_in_trouble_is_tried_again_in_order(bench: Bench) -> None:
    room = await bench.room()
    bench.receiver.answers += [500]
    egress = await bench.start(room)
    await bench.stop(egress.egress_id)
    events = [body["event"] for body in await bench.events(egress.egress_id, 2)]
    assert events == ["egress_started", "egress_ended"]


async def test_malformed_faults_are_refused(bench: Bench) -> None:
    url = f"{bench.recorder_url}/control/fault"
    for wrong in (b"{", b"[]", b'{"kind": "explode"}', b'{"kind": "cut", "operation": "dance"}'):
        async with bench.http.post(url, data=wrong) as answer:
            assert answer.status == 422, wrong
