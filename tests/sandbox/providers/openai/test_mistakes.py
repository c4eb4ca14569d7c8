"""Mistakes of a client, and that the session survives each unchanged."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.sandbox.providers.openai.wire import connected


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def vad(**detection: Any) -> dict[str, Any]:
    return update(audio={"input": {"turn_detection": {"type": "server_vad", **detection}}})


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


def message(role: str, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return item(type="message", role=role, content=list(content), **fields)


TEXT = {"type": "input_text", "text": "Hello."}
VAD = "session.audio.input.turn_detection"
MISTAKES = [
    ({}, "missing_required_parameter", "type"),
    ({"type": "session.delete"}, "invalid_value", "type"),
    ({"type": 7}, "invalid_value", "type"),
    ({"type": "response.create", "colour": 1}, "unknown_parameter", "colour"),
    ({"type": "session.update"}, "missing_required_parameter", "session"),
    ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
    (update(modalities=["text"]), "unknown_parameter", "session.modalities"),
    (update(output_modalities=["text", "audio"]), "invalid_value", "session.output_modalities"),
    (update(output_modalities=["smell"]), "invalid_value", "session.output_modalities[0]"),
    (update(instructions=7), "invalid_type", "session.instructions"),
    (update(model="another"), "invalid_value", "session.model"),
    (update(max_output_tokens=5000), "integer_above_max_value", "session.max_output_tokens"),
    (update(tools=[{"type": "function"}]), "missing_required_parameter", "session.tools[0].name"),
    (update(audio={"output": {"voice": "bob"}}), "invalid_value", "session.audio.output.voice"),
    (
        update(audio={"output": {"speed": 9.5}}),
        "decimal_above_max_value",
        "session.audio.output.speed",
    ),
    (
        update(audio={"input": {"format": {"type": "audio/pcm", "rate": 16000}}}),
        "invalid_value",
        "session.audio.input.format.rate",
    ),
    (
        update(audio={"input": {"transcription": {"language": "en-US"}}}),
        "invalid_value",
        "session.audio.input.transcription.language",
    ),
    (vad(threshold="loud"), "invalid_type", f"{VAD}.threshold"),
    (vad(threshold=1.5), "decimal_above_max_value", f"{VAD}.threshold"),
    (vad(silence_duration_ms=-1), "integer_below_min_value", f"{VAD}.silence_duration_ms"),
    (vad(eagerness="high"), "unknown_parameter", f"{VAD}.eagerness"),
    (vad(type="client_vad"), "invalid_value", f"{VAD}.type"),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    ({"type": "input_audio_buffer.append", "audio": "#"}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.append", "audio": None}, "invalid_type", "audio"),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    (item(type="message", content=[TEXT]), "missing_required_parameter", "item.role"),
    (item(type="song"), "invalid_value", "item.type"),
    (message("bot", TEXT), "invalid_value", "item.role"),
    (message("user", {"type": "text", "text": "x"}), "invalid_value", "item.content[0].type"),
    (message("assistant", TEXT), "invalid_value", "item.content[0].type"),
    (message("assistant", {"type": "output_audio"}), "invalid_value", "item.content"),
    (message("user", TEXT, id="x" * 33), "string_above_max_length", "item.id"),
    (item(type="function_call_output", call_id="c1", output="x"), "invalid_tool_call_id", None),
    (
        message("user", TEXT) | {"previous_item_id": "nobody"},
        "item_create_invalid_previous_item_id",
        None,
    ),
    (
        {"type": "conversation.item.delete", "item_id": "nobody"},
        "item_delete_invalid_item_id",
        None,
    ),
    (
        {"type": "conversation.item.retrieve", "item_id": "nobody"},
        "item_retrieve_invalid_item_id",
        None,
    ),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "nobody",
            "content_index": 0,
            "audio_end_ms": 1,
        },
        "item_truncate_invalid_item_id",
        None,
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0},
        "missing_required_parameter",
        "audio_end_ms",
    ),
    ({"type": "response.cancel"}, "response_cancel_not_active", None),
    ({"type": "response.cancel", "response_id": "x"}, "response_cancel_not_active", None),
    (
        {"type": "response.create", "response": {"conversation": "mine"}},
        "invalid_value",
        "response.conversation",
    ),
    (
        {
            "type": "response.create",
            "response": {"input": [{"type": "item_reference", "id": "x"}]},
        },
        "item_retrieve_invalid_item_id",
        None,
    ),
    ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
]


@pytest.mark.parametrize(("sent", "code", "param"), MISTAKES)
async def test_a_mistake_is_told_to_whom_it_concerns(
    http: aiohttp.ClientSession, sent: dict[str, Any], code: str, param: str | None
) -> None:
    async with connected(http) as wire:
        before = wire.seen[0]["session"]
        await wire.ws.send_json({**sent, "event_id": "mine"})
        error = await wire.refused()
        assert (error["code"], error["param"]) == (code, param), error
        assert (error["type"], error["event_id"]) == ("invalid_request_error", "mine")
        assert error["message"]
        assert await wire.configure() == before  # nothing of it was taken over


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 5000])
async def test_what_is_no_event_is_refused(http: aiohttp.ClientSession, text: str) -> None:
    async with connected(http) as wire:
        await wire.ws.send_str(text)
        assert (await wire.refused())["event_id"] is None
        await wire.configure()


async def test_a_binary_message_is_refused(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.ws.send_bytes(b"\0\0")
        assert (await wire.refused())["type"] == "invalid_request_error"
        await wire.configure()


async def test_an_id_is_used_once(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        again = message("user", TEXT, id="one")
        await wire.ws.send_json(again)
        await wire.until("conversation.item.done")
        await wire.ws.send_json(again)
        error = await wire.refused()
        assert error["code"] == "item_create_duplicate_item_id"
        assert error["message"] == "Error adding item: an item with id 'one' already exists."


async def test_a_second_answer_is_refused_while_the_first_is_given(
    http: aiohttp.ClientSession,
) -> None:
    async with connected(http) as wire:
        await wire.say('Say exactly: "One thing after the other, if you please."')
        created = await wire.until("response.created")
        await wire.send("response.create", event_id="second")
        while (event := await wire.next())["type"] != "error":
            pass
        error = event["error"]
        assert error["code"] == "conversation_already_has_active_response"
        assert created["response"]["id"] in error["message"]
        assert error["event_id"] == "second"
        assert (await wire.until("response.done"))["response"]["status"] == "completed"


async def test_the_voice_is_settled_once_it_was_heard(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.configure(audio={"output": {"voice": "cedar"}})
        await wire.say('Say exactly: "Hello."')
        await wire.until("response.done")
        await wire.ws.send_json(update(audio={"output": {"voice": "ash"}}, instructions="New."))
        assert (await wire.refused())["code"] == "cannot_update_voice"
        session = await wire.configure(audio={"output": {"voice": "cedar"}})
        assert session["instructions"] == ""


async def test_text_cannot_be_truncated(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        added = await wire.add("Hello.")
        place = {"item_id": added["item"]["id"], "content_index": 0, "audio_end_ms": 1}
        await wire.send("conversation.item.truncate", **place)
        assert (await wire.refused())["code"] == "unsupported_content_type"
