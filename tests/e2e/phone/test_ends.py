"""Every way in which a phone call ends: one truthful reason, and a bill only if it was answered."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.phone.far_side import CarrierRecord, number
from tests.e2e.phone.phone_call import PhoneCall, PhoneLines
from tests.e2e.phone.verdicts import assert_billed_as_seen, assert_ended, assert_unanswered

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("ending", "reason", "by"),
    [
        ("0160", "busy", "callee"),
        ("0161", "rejected", "callee"),
        ("0163", "invalid_number", "carrier"),
        ("0164", "no_answer", "callee"),
        ("0165", "carrier_blocked", "carrier"),
        ("0488", "provider_error", "carrier"),
        ("0607", "carrier_blocked", "carrier"),
    ],
)
async def test_who_is_refused_is_told_why(
    lines: PhoneLines, trunk_id: str, ending: str, reason: str, by: str
) -> None:
    call = await lines.call(ending, trunk_id=trunk_id)
    record = await call.settled()
    assert_ended(record, reason, by)
    assert_unanswered(record)
    far = await call.at_carrier()
    assert (await far.over())["invites"] == 1
    assert await call.room_is_gone()


async def test_nobody_answers_within_the_ringing_limit(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0162", ringing_timeout_seconds=5, trunk_id=trunk_id)
    await call.is_now("ringing")
    record = await call.settled()
    assert_ended(record, "no_answer", "callee")
    assert_unanswered(record)
    far = await (await call.at_carrier()).over()
    assert far["reason"] == "cancelled", far  # CANCEL came, 487 went
    rang = (await call.at_carrier()).moment("ended_at") - (await call.at_carrier()).moment(
        "began_at"
    )
    assert 4.5 < rang.total_seconds() < 15


async def test_the_callee_hangs_up(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0140", trunk_id=trunk_id)
    record = await call.settled()
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, await (await call.at_carrier()).over())


async def test_the_callee_hangs_up_as_soon_as_it_answered(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0141", trunk_id=trunk_id)
    record = await call.settled()
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, await (await call.at_carrier()).over())


async def test_an_operator_hangs_up_in_the_talk(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0100", trunk_id=trunk_id)
    far = await call.answered()
    await asyncio.sleep(1.0)
    answer = await call.hang_up("The shift is over.")
    assert answer.status_code == 200, answer.text
    seen = await far.over(10)
    assert seen["ended_by"] == "bridge"
    record = await call.settled()
    assert_ended(record, "operator_hung_up", "operator")
    assert_billed_as_seen(record, seen)


async def test_an_operator_hangs_up_while_it_rings(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0162", ringing_timeout_seconds=60, trunk_id=trunk_id)
    await call.is_now("ringing")
    assert (await call.hang_up()).status_code == 200
    far: CarrierRecord = await call.at_carrier()
    seen = await far.over(5)
    assert seen["reason"] == "cancelled", seen
    record = await call.settled()
    assert_ended(record, "operator_hung_up", "operator")
    assert_unanswered(record)


@pytest.mark.parametrize("after_ms", [280, 300, 310, 330])
async def test_a_hang_up_in_the_moment_of_the_answer(lines: PhoneLines, after_ms: int) -> None:
    """The phone picks up 300 ms after the INVITE: CANCEL and 200 cross, or nearly."""
    call = await lines.call("0100")
    far = await call.at_carrier()
    await far.until("ringing_at")
    await asyncio.sleep(max(0.0, after_ms / 1000 - 0.05))
    await call.hang_up()
    seen = await far.over(10)
    record = await call.settled()
    assert_ended(record, "operator_hung_up", "operator")
    if seen["answered"]:
        assert_billed_as_seen(record, seen)
    else:
        assert_unanswered(record)


async def test_the_answer_crosses_our_cancel(lines: PhoneLines) -> None:
    """RFC 3261 section 9.1: it is a call then, and billed as the carrier bills it."""
    call = await lines.call("0105")
    await call.is_now("ringing")
    await call.hang_up()
    seen = await (await call.at_carrier()).over(10)
    record = await call.settled()
    assert_ended(record, "operator_hung_up", "operator")
    assert_billed_as_seen(record, seen)


async def test_a_phone_that_sends_no_audio_any_more(lines: PhoneLines) -> None:
    patient = await lines.switchboard.make_assistant(silence={"reprompt_after": 300})
    call = await lines.call("0150", assistant_id=patient)
    record = await call.settled(timeout=60)
    assert_ended(record, "media_timeout", "unknown")
    assert_billed_as_seen(record, await (await call.at_carrier()).over())


@pytest.mark.real_time  # what the phone says has to be understood
async def test_the_assistant_ends_the_call(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0100", trunk_id=trunk_id)
    far = await call.answered()
    await call.has_happened("opening_started")
    await asyncio.sleep(4.5)
    await far.say("Thank you, goodbye.")
    record = await call.settled(timeout=60)
    assert_ended(record, "assistant_hung_up", "assistant")
    seen = await far.over()
    assert seen["ended_by"] == "bridge"
    assert_billed_as_seen(record, seen)


async def test_the_longest_duration(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0100", max_duration_seconds=4, trunk_id=trunk_id)
    record = await call.settled()
    assert_ended(record, "max_duration", "platform")
    seen = await (await call.at_carrier()).over()
    assert 3.5 < seen["seconds"] < 10
    assert_billed_as_seen(record, seen)


@pytest.mark.parametrize("how", ["participant removed", "room deleted"])
async def test_somebody_ends_it_in_livekit(lines: PhoneLines, trunk_id: str, how: str) -> None:
    from livekit import api as livekit_api

    call: PhoneCall = await lines.call("0100", trunk_id=trunk_id)
    far = await call.answered()
    room = lines.switchboard.livekit.room
    if how == "room deleted":
        await room.delete_room(livekit_api.DeleteRoomRequest(room=call.room))
    else:
        await room.remove_participant(
            livekit_api.RoomParticipantIdentity(room=call.room, identity="phone")
        )
    seen = await far.over(5)
    assert seen["ended_by"] == "bridge"
    record = await call.settled()
    assert_ended(record, "operator_terminated", "operator")
    assert_billed_as_seen(record, seen)


async def test_a_number_is_found_nowhere_but_in_the_store(lines: PhoneLines, trunk_id: str) -> None:
    """I8, at its plainest: ids, room, and what the agents' and the bridge's logs say."""
    call = await lines.call("0140", trunk_id=trunk_id)
    await call.settled()
    digits = call.to.removeprefix("+")
    for log in (lines.switchboard.stack.run_dir / "logs").glob("*.log"):
        if log.stem not in ("carrier", "temporal"):  # the vendor's own, and payloads are sealed
            assert digits not in log.read_text(errors="replace"), log.name
    assert digits not in call.id
    assert number("0100") != call.to
