"""Responses on the wire: their events, their ends, and what they leave in the conversation."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.sandbox.providers.conversations import DOG, HOURS, TABLE
from tests.sandbox.providers.openai.conversing import DOG_ANSWER, HOURS_ANSWER
from tests.sandbox.providers.openai.wire import Event, connected, done

pytestmark = pytest.mark.slow  # speaks for a dozen seconds
LONG = 'Say exactly: "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve."'
TOOL = {"type": "function", "name": "check_table", "parameters": {"type": "object"}}


def transcript(response: Event) -> str:
    return str(response["output"][0]["content"][0].get("transcript"))


async def test_the_transcript_comes_in_words_and_before_its_sound(
    http: aiohttp.ClientSession,
) -> None:
    async with connected(http) as wire:
        await wire.add(HOURS)
        await wire.send("response.create")
        response = await done(wire)
        assert transcript(response) == HOURS_ANSWER
        deltas = [e for e in wire.seen if e["type"].endswith("transcript.delta")]
        assert "".join(event["delta"] for event in deltas) == HOURS_ANSWER
        assert wire.types().index("response.output_audio_transcript.delta") < wire.types().index(
            "response.output_audio.delta"
        )
        assert {e["response_id"] for e in wire.seen if "response_id" in e} == {response["id"]}


async def test_a_text_answer(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.add(DOG)
        await wire.send("response.create", response={"output_modalities": ["text"]})
        response = await done(wire)
        assert response["output"][0]["content"] == [{"type": "output_text", "text": DOG_ANSWER}]
        assert response["usage"]["output_token_details"]["audio_tokens"] == 0
        assert not any("audio" in kind for kind in wire.types())


async def test_a_function_call_and_its_output(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.configure(tools=[TOOL], output_modalities=["text"])
        await wire.add(TABLE)
        del wire.seen[:]
        await wire.send("response.create", response={"metadata": {"who": "me"}})
        response = await done(wire)
        assert [kind for kind in wire.types() if not kind.endswith(".delta")] == [
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        assert response["metadata"] == {"who": "me"}
        (call,) = response["output"]
        assert (call["type"], call["name"], call["status"]) == (
            "function_call",
            "check_table",
            "completed",
        )
        deltas = [e["delta"] for e in wire.seen if e["type"].endswith("arguments.delta")]
        assert "".join(deltas) == call["arguments"]
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": json.dumps({"table": "table one"}),
        }
        await wire.send("conversation.item.create", item=output)
        await wire.send("response.create")
        response = await done(wire)
        assert response["output"][0]["content"][0]["text"].startswith("Yes, table one is free")


async def test_a_failed_tool(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.configure(tools=[TOOL], output_modalities=["text"])
        await wire.add(TABLE)
        await wire.send("response.create")
        (call,) = (await done(wire))["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "error: x"}
        await wire.send("conversation.item.create", item=output)
        await wire.send("response.create")
        text = (await done(wire))["output"][0]["content"][0]["text"]
        assert text == "I am sorry, I cannot reach our reservation book at the moment."


async def test_a_tool_that_must_be_called_is_called(http: aiohttp.ClientSession) -> None:
    other = {"type": "function", "name": "look_away"}
    async with connected(http) as wire:
        await wire.configure(tools=[other, TOOL], output_modalities=["text"])
        await wire.add(HOURS)
        for choice, called in (
            ("required", "check_table"),
            ({"type": "function", "name": "look_away"}, "look_away"),
        ):
            await wire.send("response.create", response={"tool_choice": choice})
            assert (await done(wire))["output"][0]["name"] == called


async def test_a_text_without_a_sound(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.say('Say exactly: "..."')
        assert transcript(await done(wire)) == "..."


class TestItsEnd:
    async def test_cancelled_by_its_id(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.say(LONG)
            created = await wire.until("response.created")
            await wire.until("response.output_audio.delta")
            await wire.send("response.cancel", response_id=created["response"]["id"])
            response = await done(wire)
            assert response["status"] == "cancelled"
            assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
            assert response["output"][0]["status"] == "incomplete"
            assert len(transcript(response)) < len(LONG) / 2
            usage = response["usage"]
            assert 0 < usage["output_token_details"]["audio_tokens"] < 60
            await wire.configure()
            assert wire.types()[-1] == "session.updated"  # nothing comes after the end

    async def test_cancelled_before_its_first_sound(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.say(LONG)
            await wire.send("response.cancel")
            response = await done(wire)
            assert response["output"] == []
            assert response["usage"]["output_tokens"] == 0
            await wire.send("response.create")  # the conversation is free
            await done(wire)

    async def test_cancelled_while_it_hangs(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await http.post("/openai/control/fault", json={"kind": "hang"})
            await wire.say(LONG)
            await wire.send("response.cancel")
            assert (await done(wire))["status"] == "cancelled"

    async def test_tokens_used_up(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.say(LONG, max_output_tokens=30)
            response = await done(wire)
            assert response["status"] == "incomplete"
            assert response["status_details"]["reason"] == "max_output_tokens"
            assert 30 <= response["usage"]["output_tokens"] < 45

    async def test_cut_short_it_is_given_again(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.add(HOURS)
            await wire.send("response.create")
            await wire.until("response.output_audio.delta")
            await wire.send("response.cancel")
            item_id = (await done(wire))["output"][0]["id"]
            place: dict[str, Any] = {"item_id": item_id, "content_index": 0, "audio_end_ms": 50}
            await wire.send("conversation.item.truncate", **place)
            await wire.say("Give that answer again, from its beginning.")
            assert transcript(await done(wire)) == HOURS_ANSWER


class TestOutOfBand:
    async def test_it_leaves_nothing_in_the_conversation(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.add(HOURS)
            del wire.seen[:]
            asked = {"type": "message", "role": "user"}
            content = [{"type": "input_text", "text": DOG}]
            await wire.send(
                "response.create",
                response={
                    "conversation": "none",
                    "output_modalities": ["text"],
                    "input": [asked | {"content": content}],
                },
            )
            response = await done(wire)
            assert response["conversation_id"] is None
            assert response["output"][0]["content"][0]["text"] == DOG_ANSWER
            assert not any(kind.startswith("conversation.") for kind in wire.types())
            await wire.send("response.create", response={"output_modalities": ["text"]})
            assert (await done(wire))["output"][0]["content"][0]["text"] == HOURS_ANSWER

    async def test_it_runs_beside_the_answer(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            first = await wire.add(DOG)
            await wire.say(LONG)
            reference = [{"type": "item_reference", "id": first["item"]["id"]}]
            aside = {"conversation": "none", "input": reference, "output_modalities": ["text"]}
            await wire.send("response.create", response=aside)
            assert (await done(wire))["output"][0]["content"][0]["text"] == DOG_ANSWER
            assert transcript(await done(wire)).endswith("twelve.")
