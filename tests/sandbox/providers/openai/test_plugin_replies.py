"""Replies through the real plugin: interrupted, instructed, with tools, accounted for."""

from __future__ import annotations

import json

import aiohttp
import pytest
from livekit.agents import llm
from livekit.agents.metrics import RealtimeModelMetrics, STTMetrics
from openai.types.realtime import AudioTranscription

from tests.sandbox.providers.conversations import DOG, HOURS, TABLE, spoken
from tests.sandbox.providers.openai.conversing import (
    DOG_ANSWER,
    HOURS_ANSWER,
    RATE,
    SERVER_VAD,
    gather,
    reply,
    say,
    talking,
    type_in,
)

pytestmark = pytest.mark.slow  # many short conversations


@llm.function_tool
async def check_table(guests: int, day: str, time: str) -> str:
    """Look for a free table."""
    return ""


class TestInterruption:
    async def test_speech_cancels_the_answer(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http, turn_detection=SERVER_VAD) as call:
            generation = await call.session.generate_reply(instructions=say(f"{HOURS_ANSWER} " * 3))
            await call.until("response.output_audio.delta", 3)
            await call.say(spoken(DOG, rate=RATE))
            cut_short = await gather(generation)
            response = (await call.until("response.done"))["response"]
            assert response["status"] == "cancelled"
            assert response["status_details"]["reason"] == "turn_detected"
            assert response["output"][0]["status"] == "incomplete"
            assert cut_short.samples.size < 4 * RATE
            await call.answer()
            assert (await call.answer()).text == DOG_ANSWER
            assert not call.errors

    async def test_speech_cancels_nothing_if_it_must_not(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        detection = SERVER_VAD.model_copy(
            update={"create_response": False, "interrupt_response": False}
        )
        async with talking(address, http, turn_detection=detection) as call:
            generation = await call.session.generate_reply(instructions=say(HOURS_ANSWER))
            await call.until("response.output_audio.delta", 2)
            await call.say(spoken(DOG, rate=RATE))
            assert (await gather(generation)).heard() == HOURS_ANSWER

    async def test_what_was_not_played_is_truncated(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            answer = await reply(call.session.generate_reply(instructions=say(HOURS_ANSWER)))
            call.session.truncate(
                message_id=answer.message_id, modalities=["audio", "text"], audio_end_ms=700
            )
            event = await call.until("conversation.item.truncated")
            assert (event["item_id"], event["audio_end_ms"]) == (answer.message_id, 700)
            too_long = answer.samples.size * 1000 // RATE + 500
            call.session.truncate(
                message_id=answer.message_id, modalities=["audio"], audio_end_ms=too_long
            )
            error = (await call.until("error"))["error"]
            assert (
                error["message"] == f"Audio content of 700ms is already shorter than {too_long}ms"
            )

    async def test_an_interrupted_reply_is_cancelled(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            generation = await call.session.generate_reply(instructions=say(HOURS_ANSWER))
            call.session.interrupt()
            await gather(generation)
            details = (await call.until("response.done"))["response"]["status_details"]
            assert details == {"type": "cancelled", "reason": "client_cancelled"}
            call.session.interrupt()  # nothing to cancel: nothing is sent, nothing goes wrong
            again = await reply(call.session.generate_reply(instructions=say(DOG_ANSWER)))
            assert again.heard() == DOG_ANSWER
            assert not call.errors


class TestConversation:
    async def test_the_words_of_instructions_are_spoken(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await call.session.update_instructions('You are "the desk". Never say exactly "no".')
            answer = await reply(call.session.generate_reply(instructions=say(DOG_ANSWER)))
            assert answer.heard() == DOG_ANSWER

    async def test_it_opens_the_conversation_if_asked_to(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            answer = await reply(call.session.generate_reply(instructions="Greet the caller."))
            assert answer.text.startswith("Welcome to the Blue Door")

    async def test_a_tool_is_called_and_its_output_is_used(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await call.session.update_tools([check_table])
            await call.until("session.updated", 2)
            await call.say(spoken(TABLE, rate=RATE))
            answer = await call.answer()
            (asked,) = answer.calls
            assert asked.name == "check_table"
            assert json.loads(asked.arguments)["guests"] == 4
            context = call.session.chat_ctx.copy()
            output = json.dumps({"table": "table seven"})
            context.items.append(
                llm.FunctionCallOutput(
                    call_id=asked.call_id, name=asked.name, output=output, is_error=False
                )
            )
            await call.session.update_chat_ctx(context)
            spoken_answer = await reply(call.session.generate_reply())
            expected = "Yes, table seven is free for you on Friday evening."
            assert spoken_answer.heard() == expected

    async def test_no_tool_is_called_if_none_may_be(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await call.session.update_tools([check_table])
            await type_in(call.session, TABLE)
            answer = await reply(call.session.generate_reply(tool_choice="none"))
            assert not answer.calls
            assert answer.text.startswith("A table for four")

    async def test_items_are_added_changed_and_deleted(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http) as call:
            await type_in(call.session, HOURS)
            assert (await reply(call.session.generate_reply())).text == HOURS_ANSWER
            context = llm.ChatContext.empty()
            context.add_message(role="user", content=DOG)
            await call.session.update_chat_ctx(context)
            assert len(call.session.chat_ctx.items) == 1
            assert (await reply(call.session.generate_reply())).text == DOG_ANSWER
            assert not call.errors


class TestUsage:
    async def test_tokens_of_each_response_add_up(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http, turn_detection=SERVER_VAD) as call:
            await call.session.update_instructions("You are the desk of a restaurant. " * 10)
            for question in (HOURS, DOG):
                await call.say(spoken(question, rate=RATE))
                answer = await call.answer()
            # The plugin's first report is of the connection.
            _connected, first, second = (
                m for m in call.metrics if isinstance(m, RealtimeModelMetrics)
            )
            for told in (first, second):
                assert told.total_tokens == told.input_tokens + told.output_tokens
                details = told.input_token_details
                assert details.text_tokens + details.audio_tokens == told.input_tokens
                assert told.output_token_details.audio_tokens > 0
                assert told.output_token_details.text_tokens > 0
            assert second.input_tokens > first.input_tokens
            assert first.input_token_details.cached_tokens == 0
            assert second.input_token_details.cached_tokens in (64, 128)
            assert second.output_token_details.audio_tokens == pytest.approx(
                answer.samples.size / RATE * 20, abs=1
            )

    @pytest.mark.parametrize("model", ["gpt-4o-mini-transcribe", "whisper-1"])
    async def test_transcription_is_billed_too(
        self, http: aiohttp.ClientSession, address: str, model: str
    ) -> None:
        options = AudioTranscription(model=model, language="en")
        async with talking(address, http, input_audio_transcription=options) as call:
            await call.say(spoken(HOURS, rate=RATE))
            await call.answer()
            (told,) = (m for m in call.metrics if isinstance(m, STTMetrics))
            if model == "whisper-1":
                assert 1.0 < told.audio_duration < 3.0
            else:
                assert told.total_tokens == told.input_tokens + told.output_tokens > 10
