"""The assistant speaks when the phone is answered: not a sample before, and whole from then on."""

from __future__ import annotations

import pytest

from contract.rooms import AtlasRpc
from tests.e2e.conversation import GREETING
from tests.e2e.listening import VoiceEar
from tests.e2e.phone.first_words import first_words, greeting_assistant
from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.phone.room import ask_atlas

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]

# Rings with an announcement of its own (183), so that our audio has a way before the answer.
EARLY_MEDIA = "0108"
RINGS = "0107"


@pytest.fixture
def greeting_ear(atlas: VoiceEar) -> VoiceEar:
    atlas.learn(GREETING)
    return atlas


@pytest.mark.parametrize("mode", ["pipeline", "realtime"])
@pytest.mark.parametrize("ending", [EARLY_MEDIA, RINGS])
async def test_the_opening_begins_with_the_answer(
    lines: PhoneLines, greeting_ear: VoiceEar, mode: str, ending: str
) -> None:
    assistant = await greeting_assistant(lines.switchboard, mode)
    call = await lines.call(ending, assistant_id=assistant, record=False)
    words = await first_words(call, lines, greeting_ear)
    assert not words.faults(GREETING), words
    if ending == EARLY_MEDIA:  # else nothing could have come before the answer
        assert (await call.at_carrier()).document["wire"]["before_answer"]["packets"] > 0
    assert words.after is not None
    assert words.after < 1.0, f"first sample {words.after:.3f} s after the answer"


@pytest.mark.parametrize("mode", ["pipeline", "realtime"])
async def test_the_check_sees_a_gate_that_opens_too_early(
    lines: PhoneLines, greeting_ear: VoiceEar, mode: str
) -> None:
    assistant = await greeting_assistant(lines.switchboard, mode)
    call = await lines.call(RINGS, assistant_id=assistant, record=False)
    far = await call.at_carrier()
    await far.until("ringing_at")
    await ask_atlas(lines.switchboard, call.room, AtlasRpc.START, {})
    words = await first_words(call, lines, greeting_ear)
    assert words.faults(GREETING), words
