"""The assistant speaks when the phone is answered: not a sample before, and whole from then on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from contract.rooms import AtlasRpc
from tests.e2e.conversation import GREETING
from tests.e2e.listening import VoiceEar
from tests.e2e.phone.phone_call import PhoneCall, PhoneLines
from tests.e2e.phone.room import ask_atlas
from tests.e2e.switchboard import Switchboard, eventually

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.asyncio(loop_scope="session")]

# Rings with an announcement of its own (183), so that our audio has a way before the answer.
EARLY_MEDIA = "0108"
RINGS = "0107"
# G.711's zero, of either law.
DIGITAL_SILENCE = 8


@dataclass(frozen=True, slots=True)
class FirstWords:
    said_before: bool
    sentences: list[str]
    after: float | None  # seconds from the answer to the first loud 20 ms
    response_requests_before: int

    def faults(self, opening: str) -> list[str]:
        found = []
        if self.said_before:
            found.append("There was sound at the phone before its 200 OK.")
        if self.sentences[:1] != [opening]:
            found.append(f"The first sentence was {self.sentences[:1]}, not {opening!r}.")
        if self.response_requests_before:
            found.append("The model was asked to respond before the answer.")
        return found


async def first_words(call: PhoneCall, lines: PhoneLines, ear: VoiceEar) -> FirstWords:
    far = await call.at_carrier()
    await far.until("answered_at", 30)
    await eventually(
        lambda: _some_speech(far, ear), timeout=15, otherwise="Nothing was said at the phone."
    )
    await asyncio.sleep(1.0)
    await far.hang_up()
    await far.over()
    answered = far.moment("answered_at")
    asked = await lines.switchboard.asked_of("openai", call_started(far.document))
    return FirstWords(
        said_before=far.loudest("before_answer") > DIGITAL_SILENCE,
        sentences=await far.sentences(ear),
        after=(far.audible()[0][0] - answered).total_seconds() if far.audible() else None,
        response_requests_before=sum(
            "response.create" in str(entry) and entry["at"] < answered.timestamp()
            for entry in asked
        ),
    )


async def _some_speech(far: Any, ear: VoiceEar) -> bool:
    return bool(await far._sentences(ear))


def call_started(document: dict[str, Any]) -> float:
    return datetime.fromisoformat(document["began_at"]).timestamp()


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


async def greeting_assistant(switchboard: Switchboard, mode: str) -> str:
    return await switchboard.make_assistant(opening={"mode": "say", "text": GREETING}, mode=mode)
