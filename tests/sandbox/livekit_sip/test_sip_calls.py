"""A call as the room and the phone see it (facts/livekit_observed.md, section 1)."""

from __future__ import annotations

import pytest
from livekit import api, rtc

from tests.sandbox.livekit_sip.bench import OURS, PHONE, Bench, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("transport", ["TCP", "UDP"])
async def test_it_rings_is_answered_and_is_hung_up(bench: Bench, transport: str) -> None:
    call = await bench.dial(
        "0107",
        transport=transport,
        participant_name="Phone",
        participant_metadata="ours",
        participant_attributes={"own": "kept"},
    )
    assert call.info is not None
    await call.until("dialing", "ringing")
    phone = call.guest.phone
    assert phone is not None
    assert (phone.sid, phone.name, phone.metadata) == (call.info.participant_id, "Phone", "ours")
    assert phone.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
    await eventually(lambda: phone.track_publications, "its track while it rings")
    (track,) = phone.track_publications.values()
    assert track.source == rtc.TrackSource.SOURCE_MICROPHONE
    assert call.guest.attributes == {
        "sip.callID": call.info.sip_call_id,
        "sip.callStatus": "ringing",
        "sip.trunkID": "",
        "sip.trunkPhoneNumber": OURS,
        "sip.phoneNumber": call.number,
        "sip.hostname": bench.carrier_address,
        "own": "kept",
    }
    assert call.info.sip_call_id.startswith("SCL_")
    assert (call.info.participant_identity, call.info.room_name) == (PHONE, call.room)
    await call.until("dialing", "ringing", "active")
    record = await call.record()
    assert call.guest.attributes["sip.callIDFull"] == record["sip_call_id"]
    assert call.guest.attributes["sip.callTag"]
    assert (record["from"], record["transport"]) == (OURS, transport.lower())
    await call.does(hang_up=True)
    assert await call.gone() == "CLIENT_INITIATED"
    assert call.guest.statuses[-3:] == ["ringing", "active", "hangup"]
    assert call.guest.data == []  # it knows no topic of ours


async def test_who_waits_is_answered_when_the_phone_is(bench: Bench) -> None:
    call = await bench.dial("0107", wait_until_answered=True)
    assert call.info is not None
    assert call.info.participant_id
    assert (await call.record())["answered"]
    await call.until("dialing", "ringing", "active")
    await bench.remove(call.room)
    assert (await call.over())["ended_by"] == "bridge"


@pytest.mark.parametrize("closes", ["participant", "room"])
async def test_out_of_the_room_is_out_of_the_call(bench: Bench, closes: str) -> None:
    call = await bench.talk()
    if closes == "participant":
        await bench.remove(call.room)
        assert await call.gone() == "PARTICIPANT_REMOVED"
    else:
        await bench.livekit.room.delete_room(api.DeleteRoomRequest(room=call.room))
    record = await call.over()
    assert (record["ended_by"], record["reason"]) == ("bridge", "hung-up")
    assert "hangup" not in call.guest.statuses


async def test_removed_while_it_rings(bench: Bench) -> None:
    call = await bench.dial("0162")
    await call.until("dialing", "ringing")
    await bench.remove(call.room)
    assert await call.gone() == "PARTICIPANT_REMOVED"
    assert (await call.over())["answered"] is False


async def test_sound_both_ways(bench: Bench) -> None:
    call = await bench.talk("0103")
    await eventually(lambda: call.guest.hears(440), "the phone's tone in the room")
    await bench.remove(call.room)


async def test_a_room_that_is_not_there_is_made(bench: Bench) -> None:
    room = "room-of-nobody"
    number = "+919800000101"
    await bench.sip.create_sip_participant(bench.request(room, number, wait_until_answered=True))
    (phone,) = await bench.participants(room)
    assert phone.identity == PHONE
    assert phone.attributes["sip.callStatus"] == "active"
    await bench.livekit.room.delete_room(api.DeleteRoomRequest(room=room))
