"""A whole agent on the stand-in: what Atlas relies on in realtime mode."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.agents import Agent, function_tool

from sandbox.providers.ears import Ears, Phrase
from sandbox.providers.mouth import ASSISTANT_VOICE
from tests.sandbox.providers.conversations import DOG, HOURS, TABLE, spoken
from tests.sandbox.providers.openai.agent import Conversation, conversing
from tests.sandbox.providers.openai.conversing import DOG_ANSWER, HOURS_ANSWER, RATE

pytestmark = pytest.mark.slow  # speaks and listens in real time

WELCOME = "Welcome to the Blue Door, this is a recorded line."


class Desk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions='You are the desk of "The Blue Door".')
        self.asked: list[dict[str, Any]] = []

    @function_tool
    async def check_table(self, guests: int, day: str, time: str) -> str:
        """Look for a free table."""
        self.asked.append({"guests": guests, "day": day, "time": time})
        return json.dumps({"table": "table seven"})


def understood(call: Conversation, *sentences: str) -> list[str]:
    """Which of the sentences the speaker was given to play, by the ears."""
    ears = Ears(voices=[ASSISTANT_VOICE])
    ears.learn([Phrase(text) for text in (*sentences, "The weather is lovely this morning.")])
    found = ears.recognise(np.concatenate(call.speaker.played), RATE)
    return [found.phrase.text] if found else []


async def wire_log(http: aiohttp.ClientSession) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = (await (await http.get("/openai/control/log")).json())["log"]
    return log


async def test_a_caller_asks_and_hears_the_answer(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with conversing(address, http, Desk(), voice="marin") as call:
        await call.microphone.say(spoken(HOURS, rate=RATE, pause=0.6))
        await call.until_said("assistant", HOURS_ANSWER)
        assert call.said == [("user", HOURS, False), ("assistant", HOURS_ANSWER, False)]
        assert understood(call, HOURS_ANSWER, DOG_ANSWER) == [HOURS_ANSWER]
        assert not call.wire.errors


async def test_words_of_the_client_are_spoken_and_nothing_before(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with conversing(address, http, Desk(), voice="marin") as call:
        await asyncio.sleep(0.2)
        sent = [entry.get("type") for entry in await wire_log(http)]
        assert "session.update" in sent
        assert "response.create" not in sent
        await call.session.generate_reply(instructions=f'Say exactly: "{WELCOME}"')
        assert call.said == [("assistant", WELCOME, False)]
        assert understood(call, WELCOME, HOURS_ANSWER) == [WELCOME]
        created = [e for e in await wire_log(http) if e.get("type") == "response.create"]
        assert len(created) == 1
        assert created[0]["monotonic"] > 0


async def test_a_caller_who_speaks_over_the_answer_stops_it(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with conversing(address, http, Desk(), voice="marin") as call:
        await call.microphone.say(spoken(HOURS, rate=RATE, pause=0.5))
        await asyncio.wait_for(call.speaker.playing.wait(), 20)
        await call.microphone.say(spoken(DOG, rate=RATE, pause=0.6))
        await call.wire.until("response.done", 2)
        truncated = await call.wire.until("conversation.item.truncated")
        assert 200 < truncated["audio_end_ms"] < 3000
        await call.until_said("assistant", DOG_ANSWER)
        roles = [(role, interrupted) for role, _text, interrupted in call.said]
        assert ("assistant", True) in roles
        assert call.said[-1] == ("assistant", DOG_ANSWER, False)
        assert not call.wire.errors


async def test_the_agent_interrupts_itself(http: aiohttp.ClientSession, address: str) -> None:
    async with conversing(address, http, Desk(), voice="marin") as call:
        speech = call.session.generate_reply(instructions=f'Say exactly: "{WELCOME} {WELCOME}"')
        await asyncio.wait_for(call.speaker.playing.wait(), 20)
        await asyncio.sleep(0.3)
        await call.session.interrupt()
        await speech
        done = await call.wire.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "client_cancelled"
        await call.wire.until("conversation.item.truncated")
        await call.session.generate_reply(instructions=f'Say exactly: "{DOG_ANSWER}"')
        assert call.said[-1] == ("assistant", DOG_ANSWER, False)
        assert not call.wire.errors


async def test_a_tool_is_called_and_its_answer_spoken(
    http: aiohttp.ClientSession, address: str
) -> None:
    desk = Desk()
    async with conversing(address, http, desk, voice="marin") as call:
        await call.microphone.say(spoken(TABLE, rate=RATE, pause=0.6))
        answer = "Yes, table seven is free for you on Friday evening."
        await call.until_said("assistant", answer)
        assert desk.asked == [{"guests": 4, "day": "Friday", "time": "19:30"}]
        assert call.said[-1] == ("assistant", answer, False)
        assert understood(call, answer, HOURS_ANSWER) == [answer]
        assert not call.wire.errors


async def test_a_typed_question_is_answered_aloud(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with conversing(address, http, Desk(), voice="marin") as call:
        await call.session.generate_reply(user_input=HOURS)
        assert understood(call, HOURS_ANSWER, DOG_ANSWER) == [HOURS_ANSWER]


async def test_an_agent_that_only_writes(http: aiohttp.ClientSession, address: str) -> None:
    async with conversing(address, http, Desk(), modalities=["text"]) as call:
        call.session.output.set_audio_enabled(False)
        await call.microphone.say(spoken(DOG, rate=RATE, pause=0.6))
        await call.until_said("assistant", DOG_ANSWER)
        await call.until_said("user", DOG)
        # What was heard is written down beside the answer; one that is not spoken may be first.
        assert sorted(call.said) == [("assistant", DOG_ANSWER, False), ("user", DOG, False)]
        assert not call.speaker.played


async def test_the_usage_of_all_responses_is_reported(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with conversing(address, http, Desk(), voice="marin") as call:
        for question in (HOURS, DOG):
            await call.session.generate_reply(user_input=question)
        told = [e["response"]["usage"] for e in call.wire.events if e["type"] == "response.done"]
        assert len(told) == 2
        counted = call.session.usage.model_usage[0]
        assert counted.input_tokens == sum(usage["input_tokens"] for usage in told)
        assert counted.output_tokens == sum(usage["output_tokens"] for usage in told)
        assert counted.output_audio_tokens == sum(
            usage["output_token_details"]["audio_tokens"] for usage in told
        )
