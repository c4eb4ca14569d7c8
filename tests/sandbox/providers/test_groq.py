"""The real Groq plugins, and malformed requests, against the stand-in."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIStatusError, llm
from livekit.plugins import groq

from tests.sandbox.providers.conversations import DOG, HOURS, ONCE, TABLE, UNLISTED, frames, spoken

pytestmark = pytest.mark.slow  # waits for streamed answers

CHAT = "/groq/openai/v1/chat/completions"
TRANSCRIPTIONS = "/groq/openai/v1/audio/transcriptions"
KEY = {"Authorization": "Bearer any-key"}
OPEN = "We are open from noon until eleven, every day but Monday."
DOGS = "Dogs are welcome on the terrace."


@llm.function_tool
async def check_table(guests: int, day: str, time: str) -> str:
    """Ask the reservation book for a free table."""
    return json.dumps({"table": f"table {guests}"})


@llm.function_tool
async def end_call() -> None:
    """End the call."""


TOOLS: list[Any] = [check_table, end_call]


def mind(address: str, key: str = "any-key") -> groq.LLM:
    return groq.LLM(base_url=f"{address}/groq/openai/v1", api_key=key)


def conversation(*said: str) -> llm.ChatContext:
    context = llm.ChatContext()
    context.add_message(role="system", content="You are a front desk.")
    for text in said:
        context.add_message(role="user", content=text)
    return context


async def ask(
    model: llm.LLM, context: llm.ChatContext, tools: list[Any] | None = None
) -> tuple[list[str], list[llm.FunctionToolCall], llm.CompletionUsage | None]:
    """(pieces of text, tool calls, usage) of one streamed answer."""
    pieces: list[str] = []
    calls: list[llm.FunctionToolCall] = []
    usage = None
    async with model.chat(chat_ctx=context, tools=tools or [], conn_options=ONCE) as stream:
        async for chunk in stream:
            usage = chunk.usage or usage
            if chunk.delta is not None:
                pieces += [chunk.delta.content] if chunk.delta.content else []
                calls += chunk.delta.tool_calls
    return pieces, calls, usage


async def test_an_answer_is_streamed_word_by_word_with_its_usage(
    http: aiohttp.ClientSession, address: str
) -> None:
    pieces, calls, usage = await ask(mind(address), conversation(HOURS))
    assert ("".join(pieces), calls) == (OPEN, [])
    assert len(pieces) == len(OPEN.split())
    assert usage is not None
    assert usage.completion_tokens == len(pieces)


async def test_swapped_sentences_swap_the_answers(
    http: aiohttp.ClientSession, address: str
) -> None:
    answers = ["".join((await ask(mind(address), conversation(s)))[0]) for s in (HOURS, DOG)]
    swapped = ["".join((await ask(mind(address), conversation(s)))[0]) for s in (DOG, HOURS)]
    assert answers == [OPEN, DOGS] == swapped[::-1]


async def test_the_last_listed_sentence_of_a_turn_is_answered(
    http: aiohttp.ClientSession, address: str
) -> None:
    pieces, _calls, _usage = await ask(mind(address), conversation(f"{HOURS} {DOG}"))
    assert "".join(pieces) == DOGS


async def test_a_tool_is_called_and_its_result_spoken(
    http: aiohttp.ClientSession, address: str
) -> None:
    context = conversation(TABLE)
    _pieces, [call], _usage = await ask(mind(address), context, TOOLS)
    assert (call.name, json.loads(call.arguments)["guests"]) == ("check_table", 4)
    context.items.append(
        llm.FunctionCall(call_id=call.call_id, name=call.name, arguments=call.arguments)
    )
    for output, answer in (
        ('{"table": "table nine"}', "Yes, table nine is free for you on Friday evening."),
        ("error: timeout", "I am sorry, I cannot reach our reservation book at the moment."),
        ('{"free": 3}', "I am sorry, I cannot reach our reservation book at the moment."),
    ):
        result = llm.FunctionCallOutput(
            call_id=call.call_id, name=call.name, output=output, is_error=False
        )
        pieces, calls, _usage = await ask(
            mind(address), llm.ChatContext([*context.items, result]), TOOLS
        )
        assert ("".join(pieces), calls) == (answer, [])


async def test_a_tool_that_is_not_offered_is_replaced_by_words(
    http: aiohttp.ClientSession, address: str
) -> None:
    pieces, calls, _usage = await ask(mind(address), conversation(TABLE))
    assert calls == []
    assert "".join(pieces).startswith("A table for four on Friday evening is noted.")


async def test_goodbye_ends_the_call(http: aiohttp.ClientSession, address: str) -> None:
    _pieces, [call], _usage = await ask(mind(address), conversation("Goodbye!"), TOOLS)
    assert (call.name, call.arguments) == ("end_call", "{}")


async def test_openings_and_unknown_text(http: aiohttp.ClientSession, address: str) -> None:
    opening, _calls, _usage = await ask(mind(address), conversation())
    assert "".join(opening).startswith("Welcome to the Blue Door")
    unknown, _calls, _usage = await ask(mind(address), conversation(UNLISTED))
    assert "did not understand" in "".join(unknown)
    reprompt = conversation(HOURS)
    reprompt.add_message(role="assistant", content=OPEN)
    more, _calls, _usage = await ask(mind(address), reprompt)
    assert "anything else" in "".join(more)


async def test_an_answer_in_one_piece(http: aiohttp.ClientSession) -> None:
    tools = [{"type": "function", "function": {"name": "end_call", "parameters": {}}}]
    for text, reason in ((HOURS, "stop"), ("Goodbye.", "tool_calls")):
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "tools": tools}
        answer = await (await http.post(CHAT, headers=KEY, json=body)).json()
        assert answer["choices"][0]["finish_reason"] == reason
        assert answer["usage"]["total_tokens"] > 0


async def test_whisper_hears_listed_phrases_only(http: aiohttp.ClientSession, address: str) -> None:
    ear = groq.STT(base_url=f"{address}/groq/openai/v1", api_key="any-key")
    for clip, text in ((spoken(DOG, HOURS), f"{DOG} {HOURS}"), (spoken(UNLISTED), "")):
        heard = await ear.recognize(frames(clip), conn_options=ONCE)
        assert heard.alternatives[0].text == text


@pytest.mark.parametrize("form", ["json", "verbose_json", "text"])
async def test_whisper_answers_in_each_format(http: aiohttp.ClientSession, form: str) -> None:
    data = aiohttp.FormData({"model": "whisper-large-v3", "response_format": form})
    wav = frames(spoken(DOG))[0].to_wav_bytes()
    data.add_field("file", wav, filename="a.wav")
    answer = await http.post(TRANSCRIPTIONS, headers=KEY, data=data)
    assert answer.status == 200
    if form == "text":
        assert await answer.text() == ""
    else:
        assert (await answer.json())["text"] == ""


async def test_the_log_times_and_names_what_was_asked(
    http: aiohttp.ClientSession, address: str
) -> None:
    await ask(mind(address), conversation(TABLE), TOOLS)
    [entry] = (await (await http.get("/groq/control/log")).json())["log"]
    assert entry["tools"] == ["check_table", "end_call"]
    assert entry["called"]["name"] == "check_table"
    assert entry["received_at"] <= entry["first_token_at"] <= entry["first_sentence_at"]
    assert entry["first_sentence_at"] <= entry["finished_at"]


@pytest.mark.parametrize("key", ["", "wrong-key"])
async def test_a_wrong_key_is_refused(http: aiohttp.ClientSession, key: str) -> None:
    for path in (CHAT, TRANSCRIPTIONS):
        answer = await http.post(path, headers={"Authorization": f"Bearer {key}"}, json={})
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == "invalid_api_key"


async def test_the_plugin_is_told_of_a_wrong_key(http: aiohttp.ClientSession, address: str) -> None:
    with pytest.raises(APIStatusError) as refused:
        await ask(mind(address, "wrong-key"), conversation(HOURS))
    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"model": "m"}',
        b'{"model": "m", "messages": []}',
        b'{"model": "m", "messages": "hello"}',
        b'{"model": "m", "messages": [1]}',
        b'{"model": 3, "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "m", "messages": [{"role": "user"}], "tools": 7}',
    ],
)
async def test_a_malformed_chat_is_a_400(http: aiohttp.ClientSession, body: bytes) -> None:
    answer = await http.post(CHAT, headers=KEY, data=body)
    assert answer.status == 400
    assert (await answer.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"role": "tool", "tool_call_id": "nobody", "content": None}, 200),
        ({"role": "user", "content": [{"type": "image_url"}]}, 200),
        ({"role": "user", "content": {"a": 1}}, 400),
        ({"role": "assistant", "tool_calls": "x"}, 400),
        ({"role": "assistant", "tool_calls": [{"id": "a", "function": 3}]}, 400),
        ({}, 400),
    ],
)
async def test_odd_messages_are_answered(
    http: aiohttp.ClientSession, message: dict[str, Any], status: int
) -> None:
    answer = await http.post(CHAT, headers=KEY, json={"model": "m", "messages": [message]})
    assert answer.status == status


async def test_malformed_transcriptions_are_400s(http: aiohttp.ClientSession) -> None:
    no_model = aiohttp.FormData()
    no_model.add_field("file", b"x", filename="a.wav")
    not_audio = aiohttp.FormData({"model": "whisper"})
    not_audio.add_field("file", b"RIFF nonsense", filename="a.wav")
    bad_format = aiohttp.FormData({"model": "whisper", "response_format": "srt"})
    bad_format.add_field("file", b"x", filename="a.wav")
    for data in (no_model, not_audio, bad_format, b"no form", aiohttp.FormData({"model": "m"})):
        answer = await http.post(TRANSCRIPTIONS, headers=KEY, data=data)
        assert answer.status == 400
        assert (await answer.json())["error"]["message"]


async def test_an_unknown_path_is_refused_in_groqs_words(http: aiohttp.ClientSession) -> None:
    for answer in (await http.get("/groq/openai/v1/nothing"), await http.get(CHAT)):
        assert answer.status in (404, 405)
        assert "error" in await answer.json()
