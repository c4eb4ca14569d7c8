"""Hold and resume, from either side: silence while it lasts, and the assistant back after it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from contract.holds import HoldState
from contract.rooms import AtlasRpc, Attribute
from tests.e2e.conversation import DOG, GREETING, OPENING_HOURS, answer_to
from tests.e2e.listening import VoiceEar
from tests.e2e.phone.far_side import CarrierRecord
from tests.e2e.phone.phone_call import PhoneCall, PhoneLines
from tests.e2e.phone.room import Listener, ask_atlas
from tests.e2e.switchboard import eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]

KINDS = ["sendonly", "inactive", "zero", "session"]
BACK_WITHIN = 1.0
SILENT_WITHIN = timedelta(seconds=0.15)


@pytest.fixture
def ear(atlas: VoiceEar) -> VoiceEar:
    atlas.learn(GREETING)
    return atlas


async def greeted(
    lines: PhoneLines, ear: VoiceEar, **body: object
) -> tuple[PhoneCall, CarrierRecord]:
    call = await lines.call("0100", **body)
    far = await call.answered()
    await far.hears(ear, GREETING)
    return call, far


def when(far: CarrierRecord, what: str, index: int = 0) -> datetime:
    return [
        datetime.fromisoformat(each["at"])
        for each in far.document["doings"]
        if each["what"] == what
    ][index]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_phone_holds_and_resumes(lines: PhoneLines, ear: VoiceEar, kind: str) -> None:
    call, far = await greeted(lines, ear, record=False)
    room = await Listener.join(lines.switchboard, call.room)
    await far.say(OPENING_HOURS)
    await far.is_answered_by_voice()
    await far.do(hold=kind)
    await call.is_now("on_hold", 5)
    await far.say(DOG)  # to whoever stands beside the phone
    await far.do(listen=2)
    await far.resume()
    resumed = datetime.now().astimezone()
    await call.is_now("in_progress", 5)
    await far.say("Do you take credit cards?")
    await far.hears(ear, answer_to("Do you take credit cards?"))
    await far.hang_up()
    await far.over()
    record = await call.settled()

    held = when(far, "held")
    late = [span for span in far.audible() if held + SILENT_WITHIN < span[1] < resumed]
    assert not late, f"Atlas came over the wire in the hold that began at {held}: {late}"
    spoken = room.spoken(held + SILENT_WITHIN, resumed)
    assert not spoken, f"Atlas spoke in the room {spoken} s of the hold"
    assert [hold["holder"] for hold in record.call["holds"]] == ["remote"]
    [hold] = record.call["holds"]
    lasted = datetime.fromisoformat(hold["to"]) - datetime.fromisoformat(hold["from"])
    assert lasted.total_seconds() == pytest.approx(far.document["holds"][0]["seconds"], abs=0.3)
    said = record.said_by("caller")
    assert OPENING_HOURS in said
    assert DOG not in said
    assert "Do you take credit cards?" in said
    assert record.call["ended_reason"] == "callee_hung_up"


async def test_the_check_hears_an_atlas_that_speaks_in_a_hold(
    lines: PhoneLines, ear: VoiceEar
) -> None:
    """With its hold mode lifted behind the call's back, it is heard in the room."""
    call, far = await greeted(lines, ear, record=False)
    room = await Listener.join(lines.switchboard, call.room)
    await far.do(hold="sendonly")
    held = datetime.now().astimezone()
    await call.is_now("on_hold", 5)
    await ask_atlas(lines.switchboard, call.room, AtlasRpc.RESUME, {"seq": 1_000})
    await ask_atlas(lines.switchboard, call.room, AtlasRpc.SAY, {"id": "1", "text": GREETING})
    await asyncio.sleep(4)
    assert room.spoken(held + SILENT_WITHIN, datetime.now().astimezone()) > 1.0
    await far.hang_up()
    await call.settled()


async def test_the_assistant_is_back_within_a_second(lines: PhoneLines, ear: VoiceEar) -> None:
    """What the hold cut off is what the caller waits for."""
    call, far = await greeted(lines, ear, record=False)
    await far.say("I would like to book a table for four on Friday evening.")
    await far.is_answered_by_voice()
    await far.do(hold="sendonly")
    await far.do(listen=2)
    await far.resume()
    resumed = datetime.now().astimezone()
    await asyncio.sleep(2.5)
    await far.hang_up()
    await far.over()
    since = [(span[0] - resumed).total_seconds() for span in far.audible() if span[0] > resumed]
    assert since, "Nothing was said after the resume."
    assert since[0] < BACK_WITHIN, f"{since[0]:.2f} s after the resume"
    await call.settled()


async def test_holding_twenty_times_in_five_seconds_ends_in_the_last_state(
    lines: PhoneLines, ear: VoiceEar
) -> None:
    call, far = await greeted(lines, ear, record=False)
    for index in range(20):
        if index % 2 == 0:
            await far.do(hold=KINDS[index // 2 % len(KINDS)])
        else:
            await far.resume()
        await asyncio.sleep(0.1)
    await call.is_now("in_progress", 5)
    await attribute_says(lines, call, held=False)
    await far.do(hold="inactive")
    await call.is_now("on_hold", 5)
    await attribute_says(lines, call, held=True)
    await far.resume()
    await far.say(DOG)
    await far.hears(ear, answer_to(DOG))
    await far.hang_up()
    record = await call.settled()
    assert len(record.call["holds"]) == 11
    assert all(hold["to"] for hold in record.call["holds"])


async def test_the_phone_hangs_up_while_it_holds(lines: PhoneLines) -> None:
    call = await lines.call("0115")
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("callee_hung_up", "callee")
    [hold] = record.call["holds"]
    assert hold["to"] == record.call["ended_at"]


async def test_a_phone_that_an_operator_holds_hears_music_and_is_not_heard(
    lines: PhoneLines, ear: VoiceEar
) -> None:
    call, far = await greeted(lines, ear, record=False)
    assert (await call.command("hold")).status_code == 200
    await far.is_answered_by_voice(seconds=1.5)  # the music
    await far.say(OPENING_HOURS)
    await asyncio.sleep(1.5)  # an answer would have come by now
    assert (await call.command("resume")).status_code == 200
    await call.music_is_over()
    await far.say(DOG)
    await far.hears(ear, answer_to(DOG))
    await far.hang_up()
    record = await call.settled()
    # By what was said and not by its track: livekit's client plays the music under Atlas' name to a
    # listener whom Atlas denies its own sound (livekit_measured.md section 4).
    assert answer_to(OPENING_HOURS) not in record.said_by("assistant")
    said = record.said_by("caller")
    assert OPENING_HOURS not in said
    assert DOG in said
    assert "The hold music is played." in [entry["text"] for entry in record.timeline]


async def test_an_operator_holds_while_the_phone_holds_too(
    lines: PhoneLines, ear: VoiceEar
) -> None:
    """Held until the last one lets go."""
    call, far = await greeted(lines, ear, record=False)
    assert (await call.command("hold", reason="A word with my manager")).status_code == 200
    await call.is_now("on_hold", 5)
    await far.do(hold="sendonly")
    await attribute_says(lines, call, held=True, holders=2)
    assert (await call.command("resume")).status_code == 200
    await attribute_says(lines, call, held=True, holders=1)
    assert (await call.read())["status"] == "on_hold"
    again = await call.command("resume")
    assert (again.status_code, again.json()["code"]) == (409, "call-not-held")
    await far.resume()
    await call.is_now("in_progress", 5)
    await far.say(DOG)
    await far.hears(ear, answer_to(DOG))
    await far.hang_up()
    record = await call.settled()
    assert sorted(hold["holder"] for hold in record.call["holds"]) == ["operator", "remote"]


async def test_a_hold_that_lasts_too_long_ends_the_call(lines: PhoneLines) -> None:
    assistant = await lines.switchboard.make_assistant(
        opening={"mode": "say", "text": GREETING}, max_hold_seconds=3
    )
    call = await lines.call("0114", assistant_id=assistant, record=False)
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("max_hold", "platform")
    [hold] = record.call["holds"]
    lasted = datetime.fromisoformat(hold["to"]) - datetime.fromisoformat(hold["from"])
    assert lasted.total_seconds() == pytest.approx(3, abs=1)


async def attribute_says(
    lines: PhoneLines, call: PhoneCall, *, held: bool, holders: int | None = None
) -> None:
    from livekit import api as livekit_api

    async def look() -> bool:
        seen = await lines.switchboard.livekit.room.get_participant(
            livekit_api.RoomParticipantIdentity(room=call.room, identity="phone")
        )
        state = HoldState.parse(seen.attributes.get(Attribute.CALL_HOLD, "")) or HoldState()
        return state.is_held == held and holders in (None, len(state.holders))

    await eventually(look, timeout=5, otherwise=f"call.hold never said held={held}, {holders}")
