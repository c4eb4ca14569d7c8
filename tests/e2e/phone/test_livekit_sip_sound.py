"""The Twilio flow by ear: nothing before the answer, a conversation, and silence while we hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from contract.rooms import AtlasRpc
from tests.e2e.conversation import GREETING, OPENING_HOURS, answer_to
from tests.e2e.listening import VoiceEar
from tests.e2e.phone.first_words import first_words, greeting_assistant
from tests.e2e.phone.livekit_sip import call_by_livekit
from tests.e2e.phone.phone_call import PhoneCall, PhoneLines
from tests.e2e.phone.room import ask_atlas
from tests.e2e.phone.verdicts import assert_billed_as_seen, assert_ended

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]

RINGS = "0107"


@pytest.fixture
def ear(atlas: VoiceEar) -> VoiceEar:
    atlas.learn(GREETING)
    return atlas


async def opens_after_the_answer(call: PhoneCall) -> bool:
    """By Atlas' own account: LiveKit SIP listens to the room only from the answer on, so that the
    phone hears nothing of an opening that began before it, or begins, until then."""
    opening = await call.has_happened("opening_started")
    far = await call.at_carrier()
    await far.until("answered_at")
    return datetime.fromisoformat(opening["at"]) >= far.moment("answered_at")


@pytest.mark.parametrize("mode", ["pipeline", "realtime"])
async def test_the_opening_begins_with_the_answer(
    lines: PhoneLines, ear: VoiceEar, mode: str
) -> None:
    assistant = await greeting_assistant(lines.switchboard, mode)
    call = await call_by_livekit(lines, RINGS, assistant_id=assistant, record=False)
    words = await first_words(call, lines, ear)
    assert not words.faults(GREETING), words
    assert await opens_after_the_answer(call)
    assert words.after is not None
    assert words.after < 1.0, f"first sample {words.after:.3f} s after the answer"


@pytest.mark.parametrize("mode", ["pipeline", "realtime"])
async def test_the_check_sees_a_gate_that_opens_too_early(lines: PhoneLines, mode: str) -> None:
    assistant = await greeting_assistant(lines.switchboard, mode)
    call = await call_by_livekit(lines, RINGS, assistant_id=assistant, record=False)
    await (await call.at_carrier()).until("ringing_at")
    await ask_atlas(lines.switchboard, call.room, AtlasRpc.START, {})
    assert not await opens_after_the_answer(call)


async def test_a_conversation_with_a_hold_of_ours(lines: PhoneLines, ear: VoiceEar) -> None:
    call = await call_by_livekit(lines)
    far = await call.answered()
    await far.hears(ear, GREETING)
    assert (await call.command("hold", reason="A colleague is asked.")).status_code == 200
    held = datetime.now(UTC)
    await far.say(OPENING_HOURS)
    await asyncio.sleep(2.5)
    resumed = datetime.now(UTC)
    assert (await call.command("resume")).status_code == 200
    await call.music_is_over()
    await far.say(OPENING_HOURS)
    await far.hears(ear, answer_to(OPENING_HOURS))
    await far.hang_up()
    seen = await far.over()
    # Whenever it began: it may be there before the command was answered.
    music = [
        span
        for span in far.audible()
        if span[0] < resumed and span[1] > held + timedelta(seconds=1.0)
    ]
    assert music, "No hold music came over the wire."
    record = await call.settled(timeout=60)
    assert_ended(record, "callee_hung_up", "callee")
    assert_billed_as_seen(record, seen)
    assert [hold["holder"] for hold in record.call["holds"]] == ["operator"]
    # What was asked in the hold, nobody heard and nobody answered.
    assert record.said_by("caller") == [OPENING_HOURS]
    assert record.said_by("assistant").count(answer_to(OPENING_HOURS)) == 1
    assert record.recording["status"] == "ready"
