"""A call as the room and the phone see it (facts/livekit_observed.md, section 1)."""

from __future__ import annotations

import time

import pytest
from google.protobuf.duration_pb2 import Duration
from livekit import api, rtc

from tests.sandbox.livekit_sip.bench import (
    FIRST_MEDIA_TIMEOUT,
    MEDIA_TIMEOUT,
    OURS,
    PHONE,
    Bench,
    eventually,
    eventually_asked,
)

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("transport", ["TCP", "UDP"])
async def test_it_rings_is_answered_and_is_hung_up(bench: Bench, transport: str) -> None:
    call = await bench.dial(
        "0107",
        transport=transport,
        participant_name="Phone",
        participant_metadata="ours",
        participant_attributes={"own": "kept", "sip.callID": "not theirs to say"},
    )
    assert call.info is not None
    await call.until("dialing", "ringing")
    await eventually(lambda: call.told("participant_joined"), "LiveKit told of it")
    assert call.told("participant_joined")[0]["attributes"]["sip.callStatus"] == "dialing"
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


async def test_what_the_trunk_and_the_order_say_is_in_the_invite(bench: Bench) -> None:
    trunk = await bench.sip.create_outbound_trunk(
        api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(
                address=bench.carrier_address,
                transport=api.SIPTransport.SIP_TRANSPORT_TCP,
                numbers=["+911140009999"],
            )
        )
    )
    call = await bench.talk(
        sip_trunk_id=trunk.sip_trunk_id,
        sip_number="",
        display_name='Our "Shop"',
        headers={"X-Order": "7"},
        hide_phone_number=True,
    )
    record = await call.record()
    assert record["from"] == "+911140009999"
    told = {name.lower(): value for name, value in record["headers"].items()}
    assert told["x-order"] == "7"
    attributes = call.guest.attributes
    assert attributes["sip.trunkID"] == trunk.sip_trunk_id
    assert not {"sip.phoneNumber", "sip.trunkPhoneNumber"} & attributes.keys()
    assert call.number not in str(attributes)


async def test_a_room_that_is_not_there_is_made(bench: Bench) -> None:
    room = f"room-of-nobody-{time.monotonic_ns()}"
    await bench.sip.create_sip_participant(
        bench.request(room, "+919800000101", wait_until_answered=True)
    )
    (phone,) = await bench.participants(room)
    assert phone.identity == PHONE
    assert phone.attributes["sip.callStatus"] == "active"
    await bench.close_room(room)


@pytest.mark.parametrize("rings", [True, False], ids=["ringing", "answered"])
@pytest.mark.parametrize("closes", ["participant", "room"])
async def test_out_of_the_room_is_out_of_the_call(bench: Bench, closes: str, rings: bool) -> None:
    if rings:
        call = await bench.dial("0162")
        await call.until("dialing", "ringing")
    else:
        call = await bench.talk()
    if closes == "participant":
        await bench.remove(call.room)
        assert await call.gone() == "PARTICIPANT_REMOVED"
    else:
        await bench.close_room(call.room)
    record = await call.over()
    assert record["ended_by"] == "bridge"
    assert (record["answered"], record["status"]) == (not rings, 487 if rings else 200)
    assert "hangup" not in call.guest.statuses


async def test_a_second_one_of_that_name_throws_the_first_out(bench: Bench) -> None:
    """The dangerous thing about repeating the request: another telephone call, and the first one's
    end."""
    call = await bench.talk()
    again = await bench.sip.create_sip_participant(
        bench.request(call.room, call.number, wait_until_answered=True)
    )
    assert await call.gone() == "DUPLICATE_IDENTITY"
    first, second = await call.records()
    assert first["sip_call_id"] != second["sip_call_id"]
    phones = [who for who in await bench.participants(call.room) if who.identity == PHONE]
    assert [who.attributes["sip.callID"] for who in phones] == [again.sip_call_id]
    await eventually(lambda: call.guest.phone is not None, "the second is there")

    async def first_has_ended() -> bool:
        return (await call.records())[0]["ended_at"] is not None

    await eventually_asked(first_has_ended, "BYE for the first")
    assert (await call.records())[1]["ended_at"] is None


async def test_the_longest_duration(bench: Bench) -> None:
    call = await bench.talk(max_call_duration=Duration(seconds=2))
    assert await call.gone() == "CLIENT_INITIATED"
    assert call.guest.statuses[-1] == "hangup"
    record = await call.over()
    assert record["ended_by"] == "bridge"
    assert 1.5 < record["seconds"] < 20.0


@pytest.mark.parametrize("ending", ["0110", "0111", "0112", "0113"])
async def test_a_hold_shows_nowhere(bench: Bench, ending: str) -> None:
    call = await bench.talk(ending)
    before = dict(call.guest.attributes)

    async def is_back() -> bool:
        doings = (await call.record())["doings"]
        return any(each.get("step", "").startswith("say I am back") for each in doings)

    await eventually_asked(is_back, "held, and back")
    assert (await call.record())["answered"]
    assert call.guest.phone is not None
    assert call.guest.attributes == before
    assert set(call.guest.statuses) <= {"dialing", "ringing", "active"}
    assert call.guest.data == []
    await call.does(hang_up=True)
    assert await call.gone() == "CLIENT_INITIATED"
    (hold,) = (await call.over())["holds"]
    assert hold["by"] == "phone"


@pytest.mark.parametrize(
    ("ending", "step"),
    [
        pytest.param("0150", None, id="stopped"),
        pytest.param("0151", None, id="never-began"),
        pytest.param("0100", {"hold": "inactive"}, id="held"),
    ],
)
async def test_a_phone_that_sends_nothing_is_hung_up(
    bench: Bench, ending: str, step: dict[str, str] | None
) -> None:
    call = await bench.talk(ending)
    if step is not None:
        await call.does(**step)
    assert await call.gone() == "CLIENT_INITIATED"
    assert call.guest.statuses[-1] == "active"  # over webhooks no different from a hang-up
    record = await call.over()
    assert (record["ended_by"], record["reason"]) == ("bridge", "hung-up")
    patience = FIRST_MEDIA_TIMEOUT if ending == "0151" else MEDIA_TIMEOUT
    assert record["seconds"] > patience - 0.5
