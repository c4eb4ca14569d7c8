"""The stand-in as the real LiveKit plugin meets it: heard, answered, interrupted, accounted for."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from openai.types.realtime.realtime_audio_input_turn_detection import SemanticVad

from tests.sandbox.providers.conversations import DOG, HOURS, UNLISTED, quiet, spoken
from tests.sandbox.providers.openai.conversing import (
    DOG_ANSWER,
    HOURS_ANSWER,
    RATE,
    SERVER_VAD,
    reply,
    talking,
)

UNKNOWN_ANSWER = "I am sorry, I did not understand that. Could you say it again?"


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
