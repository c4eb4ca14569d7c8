"""Calls of a real bridge in rooms of a real LiveKit, with the sandbox's phone at the other end."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from livekit import api, rtc

from bridge.room import NoNewLegs
from bridge.sdp import G722
from contract.endings import EndedReason, ending_from_leg
from contract.facts import FactKind
from tests.bridge.room.rig import OURS, Table, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

_OF_LIVEKIT_SIP = {  # livekit_observed.md section 1: before the answer, and from it on
    "sip.callID",
    "sip.callStatus",
    "sip.hostname",
    "sip.phoneNumber",
    "sip.trunkID",
    "sip.trunkPhoneNumber",
}
_FROM_THE_ANSWER_ON = {"sip.callIDFull", "sip.callTag"}


async def test_an_answered_call_is_a_sip_participant_as_livekit_sip_makes_it(table: Table) -> None:
    # It rings for 4 s: long enough to be seen ringing.
    call = await table.dial("0107", attributes={"campaign": "spring", "call.state": "forged"})
    await eventually(lambda: call.watcher.attributes.get("call.state") == "ringing")
    phone = call.watcher.phone
    assert phone is not None
    assert phone.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
    assert phone.name == "Phone"
    ringing = call.watcher.attributes
    assert {name for name in ringing if name.startswith("sip.")} == _OF_LIVEKIT_SIP
    assert ringing["sip.callStatus"] == "ringing"
    assert ringing["sip.phoneNumber"] == "+919876500107"
    assert ringing["sip.trunkPhoneNumber"] == OURS
    assert ringing["sip.callID"] == call.room
    assert (ringing["sip.trunkID"], ringing["sip.hostname"]) == ("trunk_1", "carrier.example")
    assert ringing["campaign"] == "spring"
    tracks = await eventually(lambda: list(phone.track_publications.values()))
    assert [track.source for track in tracks] == [rtc.TrackSource.SOURCE_MICROPHONE]

    answered_at = await call.leg.decided()
    assert answered_at is not None
    answered = await eventually(
        lambda: call.watcher.attributes.get("call.state") == "answered" and call.watcher.attributes
    )
    sip = {name for name in answered if name.startswith("sip.")}
    assert sip == _OF_LIVEKIT_SIP | _FROM_THE_ANSWER_ON
    assert answered["sip.callStatus"] == "active"
    assert answered["sip.callIDFull"] == call.leg.leg.call.call_id
    assert (await table.hall.record(call.leg)).sip_call_id == answered["sip.callIDFull"]
    told = await eventually(lambda: call.watcher.heard("call_answered"))
    assert [datetime.fromisoformat(each["at"]) for each in told] == [answered_at]

    await asyncio.sleep(0.3)  # of talk
    call.leg.cancel()
    report = await call.over()
    assert (report.reason, report.by, report.answered) == ("cancelled", "us", True)
    assert report.answered_at == answered_at
    assert report.quality["received"] > 0
    assert call.told.kinds == ["ringing", "answered", "leg_ended"]
    (codec,) = call.told.of(FactKind.ANSWERED)
    assert codec == {"codec": "PCMU"}
    await eventually(lambda: call.watcher.left_at)
    assert call.watcher.changes[-1] == {"call.state": "ended", "sip.callStatus": "hangup"}


@pytest.mark.parametrize(
    ("number", "reason", "status", "ending"),
    [
        ("0160", "busy", 486, EndedReason.BUSY),
        ("0161", "rejected", 603, EndedReason.REJECTED),
        ("0163", "invalid-number", 404, EndedReason.INVALID_NUMBER),
        ("0164", "no-answer", 480, EndedReason.NO_ANSWER),
        ("0165", "blocked", 503, EndedReason.CARRIER_BLOCKED),
    ],
)
async def test_a_refusal_is_told_as_it_is(
    table: Table, number: str, reason: str, status: int, ending: EndedReason
) -> None:
    call = await table.dial(number)
    assert await call.leg.decided() is None
    report = await call.over()
    assert (report.reason, report.by, report.sip_status) == (reason, "them", status)
    assert not report.answered
    assert report.reason_header
    assert ending_from_leg(report).reason == ending
    states = [change["call.state"] for change in call.watcher.changes if "call.state" in change]
    assert set(states) <= {"ringing", "ended"}


async def test_nobody_answers_in_time_and_the_invite_is_cancelled(table: Table) -> None:
    call = await table.dial("0162", ringing_timeout=0.6)
    assert await call.leg.decided() is None
    report = await call.over()
    assert (report.reason, report.answered) == ("no-answer", False)
    record = await table.hall.record(call.leg)
    await eventually(lambda: record.end)
    assert record.end is not None
    assert record.end.reason == "cancelled"


async def test_the_call_is_cancelled_while_it_rings(table: Table) -> None:
    call = await table.dial("0162")
    await eventually(lambda: call.watcher.attributes.get("call.state") == "ringing")
    call.leg.cancel()
    assert await call.leg.decided() is None
    report = await call.over()
    assert (report.reason, report.by, report.answered) == ("cancelled", "us", False)
    assert report.ringing_at is not None


async def test_an_answer_that_crosses_our_cancel_is_one_truthful_end(table: Table) -> None:
    call = await table.dial("0105")
    await eventually(lambda: call.watcher.attributes.get("call.state") == "ringing")
    call.leg.cancel()
    assert await call.leg.decided() is None
    report = await call.over()
    assert report.reason == "cancelled"
    assert report.answered  # the carrier bills it
    assert report.answered_at is not None
    assert "answered" not in call.told.kinds


async def test_the_far_side_hangs_up(table: Table) -> None:
    call = await table.talk("0141")
    report = await call.over()
    assert (report.reason, report.by, report.answered) == ("hung-up", "them", True)
    assert ending_from_leg(report).reason == EndedReason.CALLEE_HUNG_UP


async def test_a_far_side_without_sound_ends_the_call(table: Table) -> None:
    quiet = await table.hall.open_bridge(media_timeout=0.8)
    call = await quiet.talk("0151")
    report = await call.over()
    assert (report.reason, report.by) == ("media-timeout", "network")


async def test_the_longest_duration_is_the_legs_own(table: Table) -> None:
    call = await table.talk(max_duration=0.5)
    report = await call.over()
    assert (report.reason, report.by) == ("max-duration", "us")


async def test_removing_the_phone_hangs_up(table: Table) -> None:
    call = await table.talk()
    who = api.RoomParticipantIdentity(room=call.room, identity="phone")
    await table.hall.livekit.room.remove_participant(who)
    report = await call.over()
    assert (report.reason, report.by, report.answered) == ("removed", "us", True)
    record = await table.hall.record(call.leg)
    await eventually(lambda: record.end)


@pytest.mark.parametrize("number", ["0162", "0100"], ids=["ringing", "answered"])
async def test_closing_the_room_hangs_up(table: Table, number: str) -> None:
    call = await table.dial(number)
    state = "ringing" if number == "0162" else "answered"
    await eventually(lambda: call.watcher.attributes.get("call.state") == state)
    await table.hall.livekit.room.delete_room(api.DeleteRoomRequest(room=call.room))
    report = await call.over()
    assert (report.reason, report.answered) == ("room-closed", number == "0100")
    record = await table.hall.record(call.leg)
    await eventually(lambda: record.end)


async def test_the_trunks_codecs_are_offered_and_no_others(table: Table) -> None:
    call = await table.talk(codecs=("G722",))
    assert call.leg.leg.codec == G722.name
    assert call.told.of(FactKind.ANSWERED) == [{"codec": "G722"}]
    call.leg.cancel()
    await call.over()


async def test_draining_lets_calls_end_by_themselves_then_hangs_up(table: Table) -> None:
    here = await table.hall.open_bridge()
    staying, leaving = await here.talk(), await here.talk("0100")
    draining = asyncio.create_task(here.legs.drain(1.0))
    await asyncio.sleep(0)
    with pytest.raises(NoNewLegs):
        await here.dial("0100")
    leaving.leg.cancel()
    assert (await leaving.over()).reason == "cancelled"
    assert not draining.done()
    await asyncio.wait_for(draining, 5)
    report = await staying.over()
    assert (report.reason, report.by) == ("shutdown", "us")
    assert not here.legs.legs
