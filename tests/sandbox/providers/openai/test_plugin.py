"""The stand-in as the real LiveKit plugin meets it: heard, answered, interrupted, accounted for."""

from __future__ import annotations

import aiohttp

from tests.sandbox.providers.conversations import HOURS, spoken
from tests.sandbox.providers.openai.conversing import RATE, talking

HOURS_ANSWER = "We are open from noon until eleven, every day but Monday."


async def test_a_spoken_question_is_transcribed_and_answered_audibly(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http) as call:
        await call.say(spoken(HOURS, rate=RATE))
        answer = await call.answer()
        assert answer.text == HOURS_ANSWER
        assert answer.heard() == HOURS_ANSWER
        assert call.transcripts == [HOURS]
        assert not call.errors
