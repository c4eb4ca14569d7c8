"""What a phone was told first, and whether it came too early."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.e2e.conversation import GREETING
from tests.e2e.listening import VoiceEar
from tests.e2e.phone.phone_call import PhoneCall, PhoneLines
from tests.e2e.switchboard import Switchboard, eventually

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
    asked = await lines.switchboard.asked_of("openai", _began(far.document))
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


def _began(document: dict[str, Any]) -> float:
    return datetime.fromisoformat(document["began_at"]).timestamp()


async def greeting_assistant(switchboard: Switchboard, mode: str) -> str:
    return await switchboard.make_assistant(opening={"mode": "say", "text": GREETING}, mode=mode)
