"""The stand-in as the real LiveKit plugin meets it: heard, answered, interrupted, accounted for."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from livekit.agents import llm
from livekit.agents.metrics import RealtimeModelMetrics, STTMetrics
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import SemanticVad, ServerVad

from tests.sandbox.providers.conversations import DOG, HOURS, TABLE, UNLISTED, quiet, spoken
from tests.sandbox.providers.openai.conversing import RATE, Answer, gather, talking

HOURS_ANSWER = "We are open from noon until eleven, every day but Monday."
DOG_ANSWER = "Dogs are welcome on the terrace."
UNKNOWN_ANSWER = "I am sorry, I did not understand that. Could you say it again?"
SERVER_VAD = ServerVad(type="server_vad", silence_duration_ms=300)


async def test_a_spoken_question_is_transcribed_and_answered_audibly(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http) as call:
        await call.say(spoken(HOURS, rate=RATE))
        answer = await call.answer()
        assert answer.text == HOURS_ANSWER
        assert answer.heard() == HOURS_ANSWER
        assert call.transcripts == [HOURS]
        assert call.partial[-1] == HOURS
        assert not call.errors


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
async def test_audio_of_any_line_is_understood(
    http: aiohttp.ClientSession, address: str, rate: int
) -> None:
    async with talking(address, http) as call:
        await call.say(spoken(DOG, rate=rate), rate=rate)
        assert (await call.answer()).text == DOG_ANSWER


async def test_server_vad_answers_each_of_two_questions(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http, turn_detection=SERVER_VAD) as call:
        for question, expected in ((HOURS, HOURS_ANSWER), (DOG, DOG_ANSWER)):
            await call.say(spoken(question, rate=RATE))
            assert (await call.answer()).text == expected
        assert call.transcripts == [HOURS, DOG]


async def test_unlisted_speech_is_an_empty_transcript_and_a_question_back(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http, turn_detection=SERVER_VAD) as call:
        await call.say(spoken(UNLISTED, rate=RATE))
        assert (await call.answer()).text == UNKNOWN_ANSWER
        assert call.transcripts == [""]


async def test_without_transcription_the_question_is_answered_all_the_same(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http, input_audio_transcription=None) as call:
        await call.say(spoken(DOG, rate=RATE))
        assert (await call.answer()).text == DOG_ANSWER
        assert not call.transcripts


async def test_an_answer_in_text_alone(http: aiohttp.ClientSession, address: str) -> None:
    async with talking(address, http, modalities=["text"]) as call:
        await call.say(spoken(DOG, rate=RATE))
        answer = await call.answer()
        assert answer.text == DOG_ANSWER
        assert answer.samples.size == 0


async def test_the_session_tells_of_instructions_and_tools(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with talking(address, http) as call:
        await call.session.update_instructions("Be brief.")
        session = (await call.until("session.updated", 2))["session"]
        assert session["instructions"] == "Be brief."
        assert session["audio"]["output"]["voice"] == "marin"
        assert session["audio"]["input"]["turn_detection"] == {
            "type": "semantic_vad",
            "eagerness": "medium",
            "create_response": True,
            "interrupt_response": True,
        }


class TestTurnsByHand:
    async def test_nothing_is_answered_before_it_is_asked_for(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http, turn_detection=None) as call:
            await call.say(spoken(HOURS, rate=RATE))
            await asyncio.sleep(0.2)
            assert not {"input_audio_buffer.speech_started", "response.created"} & set(call.seen)
            call.session.commit_audio()
            await call.until("conversation.item.input_audio_transcription.completed")
            assert call.transcripts == [HOURS]
            answer = await reply(call.session.generate_reply())
            assert answer.text == HOURS_ANSWER
            assert "response.created" in call.seen

    async def test_a_cleared_buffer_is_forgotten(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        async with talking(address, http, turn_detection=None) as call:
            await call.say(spoken(HOURS, rate=RATE))
            call.session.clear_audio()
            await call.say(spoken(DOG, rate=RATE))
            call.session.commit_audio()
            assert (await reply(call.session.generate_reply())).text == DOG_ANSWER

    async def test_the_server_finds_the_turns_and_the_client_answers(
        self, http: aiohttp.ClientSession, address: str
    ) -> None:
        detection = SERVER_VAD.model_copy(
            update={"create_response": False, "interrupt_response": False}
        )
        async with talking(address, http, turn_detection=detection) as call:
            await call.say(spoken(HOURS, rate=RATE))
            await call.until("input_audio_buffer.speech_stopped")
            await asyncio.sleep(0.2)
            assert "response.created" not in call.seen
            assert (await reply(call.session.generate_reply())).text == HOURS_ANSWER


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


@pytest.mark.parametrize(("eagerness", "seconds"), [("high", 0.55), ("low", 2.0)])
async def test_semantic_vad_waits_longer_for_what_it_does_not_know(
    http: aiohttp.ClientSession, address: str, eagerness: str, seconds: float
) -> None:
    detection = SemanticVad(type="semantic_vad", eagerness=eagerness)
    async with talking(address, http, turn_detection=detection) as call:
        await call.say(spoken(UNLISTED, rate=RATE, pause=seconds - 0.15))
        await asyncio.sleep(0.2)
        assert "input_audio_buffer.speech_stopped" not in call.seen
        await call.say(quiet(0.5, RATE))
        await call.until("input_audio_buffer.speech_stopped")


@llm.function_tool
async def check_table(guests: int, day: str, time: str) -> str:
    """Look for a free table."""
    return ""


def say(text: str) -> str:
    return f'Say exactly: "{text.strip()}"'


async def reply(asked: asyncio.Future[llm.GenerationCreatedEvent]) -> Answer:
    async with asyncio.timeout(8):
        return await gather(await asked)


async def type_in(session: llm.RealtimeSession, text: str) -> None:
    context = session.chat_ctx.copy()
    context.add_message(role="user", content=text)
    await session.update_chat_ctx(context)
