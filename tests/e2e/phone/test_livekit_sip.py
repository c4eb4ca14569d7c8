"""The Twilio flow: what is of LiveKit SIP alone. How calls end, keys, transfer and a killed worker:
the files beside this one, for both kinds of trunks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.phone.livekit_sip import Gateway, call_by_livekit
from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.phone.verdicts import assert_billed_as_seen, assert_ended, assert_unanswered

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(lines: PhoneLines) -> AsyncIterator[Gateway]:
    gateway = Gateway(lines)
    yield gateway
    await gateway.aclose()


async def test_its_story_is_told_as_that_of_a_bridges_phone(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, "0140")
    far = await call.answered()
    record = await call.settled()
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, await far.over())
    assert record.call["provider"] == "livekit_sip"
    kinds = record.kinds()
    assert [kinds.count(kind) for kind in ("ringing", "answered", "leg_ended")] == [1, 1, 1]
    assert far.document["invites"] == 1
    assert await call.room_is_gone()


async def test_a_gateway_that_refuses_rings_nobody(lines: PhoneLines, gateway: Gateway) -> None:
    await gateway.fault("create", "status", count=1, value=503)
    call = await call_by_livekit(lines, record=False)
    record = await call.settled(timeout=60)
    assert_ended(record, "provider_error", "provider")
    assert_unanswered(record)
    assert not await lines.carrier.calls_to(call.to)


@pytest.mark.parametrize("kind", ["cut", "garbage"])
async def test_an_answer_of_the_gateway_that_gets_lost(
    lines: PhoneLines, gateway: Gateway, kind: str
) -> None:
    """The telephone rings, and whoever had it rung does not know: it is found in the room."""
    await gateway.fault("create", kind, count=1)
    call = await call_by_livekit(lines, "0107", record=False)
    far = await call.answered()
    await far.hang_up()
    seen = await far.over()
    record = await call.settled(timeout=60)
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, seen)
    assert (seen["invites"], len(await lines.carrier.calls_to(call.to))) == (1, 1)


async def test_a_request_that_gets_lost_rings_nobody(lines: PhoneLines, gateway: Gateway) -> None:
    await gateway.fault("create_request", "cut", count=1)
    call = await call_by_livekit(lines, record=False)
    record = await call.settled(timeout=60)
    assert_ended(record, "platform_error", "platform")
    assert_unanswered(record)
    assert not await lines.carrier.calls_to(call.to)


async def test_without_livekit_sip_the_call_says_so(lines: PhoneLines) -> None:
    await lines.switchboard.stack.kill("sip")
    try:
        call = await call_by_livekit(lines, record=False)
        record = await call.settled()
    finally:
        await lines.switchboard.stack.start_process("sip")
    assert_ended(record, "provider_error", "provider")
    assert "LiveKit SIP" in record.call["ended_detail"]
    assert_unanswered(record)
