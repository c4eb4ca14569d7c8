"""The Twilio flow: outbound calls over LiveKit SIP, without a bridge of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from livekit import api

from tests.e2e.phone.livekit_sip import Gateway, call_by_livekit
from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.phone.verdicts import assert_billed_as_seen, assert_ended, assert_unanswered

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(lines: PhoneLines) -> AsyncIterator[Gateway]:
    gateway = Gateway(lines)
    yield gateway
    await gateway.aclose()


async def test_the_callee_hangs_up(lines: PhoneLines) -> None:
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


@pytest.mark.parametrize(
    ("ending", "reason", "by"),
    [
        ("0160", "busy", "callee"),
        ("0161", "rejected", "callee"),
        ("0163", "invalid_number", "carrier"),
        ("0164", "no_answer", "callee"),
        ("0165", "carrier_blocked", "carrier"),
        ("0488", "provider_error", "carrier"),
    ],
)
async def test_who_is_refused_is_told_why(
    lines: PhoneLines, ending: str, reason: str, by: str
) -> None:
    call = await call_by_livekit(lines, ending)
    record = await call.settled()
    assert_ended(record, reason, by)
    assert_unanswered(record)
    far = await call.at_carrier()
    assert (await far.over())["invites"] == 1


async def test_nobody_answers_within_the_ringing_limit(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, "0162", ringing_timeout_seconds=5)
    await call.is_now("ringing")
    record = await call.settled()
    assert_ended(record, "no_answer", "callee")
    assert_unanswered(record)
    assert (await (await call.at_carrier()).over())["reason"] == "cancelled"


async def test_an_operator_hangs_up_in_the_talk(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines)
    far = await call.answered()
    await asyncio.sleep(1.0)
    assert (await call.hang_up("The shift is over.")).status_code == 200
    seen = await far.over(10)
    record = await call.settled()
    assert_ended(record, "operator_hung_up", "operator")
    assert_billed_as_seen(record, seen)


async def test_an_operator_hangs_up_while_it_rings(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, "0162", ringing_timeout_seconds=60)
    await call.is_now("ringing")
    assert (await call.hang_up()).status_code == 200
    seen = await (await call.at_carrier()).over(5)
    assert seen["reason"] == "cancelled", seen
    record = await call.settled()
    assert_ended(record, "operator_hung_up", "operator")
    assert_unanswered(record)


async def test_the_longest_duration(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, max_duration_seconds=4)
    record = await call.settled()
    assert_ended(record, "max_duration", "platform")
    assert_billed_as_seen(record, await (await call.at_carrier()).over())


@pytest.mark.parametrize("how", ["participant removed", "room deleted"])
async def test_somebody_ends_it_in_livekit(lines: PhoneLines, how: str) -> None:
    call = await call_by_livekit(lines)
    far = await call.answered()
    room = lines.switchboard.livekit.room
    if how == "room deleted":
        await room.delete_room(api.DeleteRoomRequest(room=call.room))
    else:
        await room.remove_participant(api.RoomParticipantIdentity(room=call.room, identity="phone"))
    seen = await far.over(5)
    record = await call.settled()
    assert_ended(record, "operator_terminated", "operator")
    assert_billed_as_seen(record, seen)


async def test_keys_both_ways(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, record=False, dtmf="9")
    far = await call.answered()
    await call.has_happened("opening_started")
    assert (await call.command("dtmf", digits="12#")).status_code == 200
    await far.do(dtmf="47")
    entry = await call.has_happened("dtmf")
    assert (entry["actor"], "4" in entry["text"]) == ("callee", False)
    await asyncio.sleep(2)
    await far.hang_up()
    assert (await far.over())["dtmf"] == "912#"
    record = await call.settled()
    assert sum(e["data"].get("count", 0) for e in record.timeline if e["kind"] == "dtmf") == 2


async def test_the_phone_is_handed_on(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, record=False)
    far = await call.answered()
    answer = await call.command("transfer", to="+919811110100")
    assert answer.status_code == 200, answer.text
    seen = await far.over()
    assert any(each["what"].startswith("transfer") for each in seen["doings"]), seen["doings"]
    record = await call.settled()
    assert_ended(record, "transferred", "operator")


async def test_the_worker_dies_between_invite_and_answer(lines: PhoneLines) -> None:
    call = await call_by_livekit(lines, "0102")  # rings for 8 s
    far = await call.at_carrier()
    await far.until("ringing_at")
    await lines.switchboard.stack.kill("worker")
    await asyncio.sleep(1.0)
    await lines.switchboard.stack.start_process("worker")
    await far.until("answered_at", 15)
    await call.is_now("in_progress", 90)
    await far.hang_up()
    seen = await far.over()
    record = await call.settled(timeout=120)
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, seen)
    assert len(await lines.carrier.calls_to(call.to)) == 1


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
