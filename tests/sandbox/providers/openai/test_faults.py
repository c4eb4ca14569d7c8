"""What the plugin makes of each fault, and that it finds its way back where it can."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectOptions, APIError, llm

from tests.sandbox.providers.conversations import DOG, HOURS, spoken
from tests.sandbox.providers.openai.conversing import (
    DOG_ANSWER,
    HOURS_ANSWER,
    RATE,
    SERVER_VAD,
    Listening,
    gather,
    reply,
    say,
    talking,
    type_in,
)

pytestmark = pytest.mark.slow  # waits for slow and silent answers
ADDED = "conversation.item.added"
ONCE = APIConnectOptions(max_retry=0, timeout=15.0)


async def misbehave(http: aiohttp.ClientSession, **fault: Any) -> None:
    answer = await http.post("/openai/control/fault", json=fault)
    assert answer.status == 201, await answer.text()


async def failed(call: Listening) -> llm.RealtimeModelError:
    return await asyncio.wait_for(call.failure.get(), 20)


class TestAnOpenSession:
    async def test_a_cut_is_mended_and_the_conversation_goes_on(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http, turn_detection=SERVER_VAD) as call:
            await call.session.update_instructions("You are the desk.")
            await call.say(spoken(HOURS, rate=RATE))
            assert (await call.answer()).text == HOURS_ANSWER
            await misbehave(http, kind="cut", count=1)
            assert (await failed(call)).recoverable
            await call.until("session.created", 2)
            # The plugin replays what was said: the user's words come back as text.
            await call.until("conversation.item.done", 3)
            texts = [e["item"]["content"] for e in call.events if e["type"] == ADDED]
            assert [{"type": "input_text", "text": HOURS}] in texts
            await call.say(spoken(DOG, rate=RATE))
            answer = await call.answer()
            assert (answer.text, answer.heard()) == (DOG_ANSWER, DOG_ANSWER)

    async def test_a_cut_in_the_middle_of_an_answer_ends_it(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            generation = await call.session.generate_reply(instructions=say(HOURS_ANSWER))
            await call.until("response.output_audio.delta")
            await misbehave(http, kind="cut", count=1)
            assert (await gather(generation)).text != HOURS_ANSWER
            await call.until("session.created", 2)
            again = await reply(call.session.generate_reply(instructions=say(DOG_ANSWER)))
            assert again.heard() == DOG_ANSWER

    async def test_a_slow_answer(self, http: aiohttp.ClientSession, address: str) -> None:
        async with talking(address, http) as call:
            await call.until("session.updated")
            await misbehave(http, kind="slow", value=0.5, count=1)
            started = time.monotonic()
            await call.session.generate_reply(instructions=say(DOG_ANSWER))
            assert time.monotonic() - started >= 0.5

    async def test_no_answer_until_it_is_cleared(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await call.until("session.updated")
            await misbehave(http, kind="hang")
            asked = call.session.generate_reply(instructions=say(DOG_ANSWER))
            done, _pending = await asyncio.wait({asked}, timeout=0.5)
            assert not done
            await http.delete("/openai/control/fault")
            assert (await reply(asked)).heard() == DOG_ANSWER

    @pytest.mark.parametrize(
        ("status", "recoverable"), [(429, True), (402, False), (500, True), (401, False)]
    )
    async def test_a_failure_as_the_vendor_tells_it(
        self, http: aiohttp.ClientSession, address: str, status: int, recoverable: bool
    ) -> None:
        async with talking(address, http) as call:
            await call.until("session.updated")
            await misbehave(http, kind="status", value=status, count=1)
            asked = call.session.generate_reply(instructions=say(DOG_ANSWER))
            if status in (429, 402):
                await gather(await asked)
                response = (await call.until("response.done"))["response"]
                assert response["status"] == "failed"
            error = await failed(call)
            assert isinstance(error.error, APIError)
            assert error.recoverable is recoverable
            await asyncio.wait({asked}, timeout=1)
            if recoverable:
                if status == 500:
                    await call.until("session.created", 2)
                again = await reply(call.session.generate_reply(instructions=say(DOG_ANSWER)))
                assert again.text == DOG_ANSWER

    async def test_a_refused_question_is_told_to_its_asker(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await call.until("session.updated")
            await misbehave(http, kind="status", value=400, count=1)
            with pytest.raises(llm.RealtimeError):
                await call.session.generate_reply(instructions=say(DOG_ANSWER))
            again = await reply(call.session.generate_reply(instructions=say(DOG_ANSWER)))
            assert again.text == DOG_ANSWER

    async def test_garbage_in_place_of_an_answer(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await call.until("session.updated")
            await misbehave(http, kind="garbage", count=1)
            with pytest.raises(llm.RealtimeError):  # the plugin gives such a session up
                await call.session.generate_reply(instructions=say(DOG_ANSWER))


class TestTheHandshake:
    async def test_it_is_tried_again(self, http: aiohttp.ClientSession, address: str) -> None:
        await misbehave(http, kind="status", value=503, count=2)
        async with talking(address, http) as call:
            await call.until("session.updated")
            assert [error.recoverable for error in call.errors] == [True, True]
            await type_in(call.session, DOG)
            assert (await reply(call.session.generate_reply())).text == DOG_ANSWER

    @pytest.mark.parametrize("fault", [{"kind": "status"}, {"kind": "cut"}])
    async def test_it_fails_for_good(
        self, http: aiohttp.ClientSession, address: str, fault: dict[str, Any]
    ) -> None:
        await misbehave(http, **fault)
        async with talking(address, http, conn_options=ONCE) as call:
            assert not (await failed(call)).recoverable

    async def test_a_wrong_key_is_not_tried_again(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http, api_key="wrong-key") as call:
            error = await failed(call)
            assert not error.recoverable
            assert isinstance(error.error, APIError)
            assert error.error.body.code == "invalid_api_key"


async def test_a_session_that_lasted_too_long_is_opened_anew(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http) as call:
        await type_in(call.session, HOURS)
        await http.post("/openai/control/limits", json={"max_seconds": 0.2})
        error = (await call.until("error"))["error"]
        assert error["code"] == "session_expired"
        await http.delete("/openai/control/limits")
        await call.until("session.created", 2)
        assert (await reply(call.session.generate_reply())).text == HOURS_ANSWER
