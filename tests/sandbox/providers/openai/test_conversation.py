"""The conversation on the wire: items come, go, are cut short, and are billed."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.sandbox.providers.conversations import HOURS
from tests.sandbox.providers.openai.wire import connected, done

pytestmark = pytest.mark.slow  # speaks for some seconds
LONG = 'Say exactly: "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve."'


async def test_items_lie_where_they_are_put(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        second = await wire.add("second")
        first = await wire.add("first", previous_item_id="root")
        assert first["previous_item_id"] is None
        third = await wire.add("third", previous_item_id=second["item"]["id"])
        assert third["previous_item_id"] == second["item"]["id"]
        await wire.send("conversation.item.delete", item_id=third["item"]["id"])
        await wire.until("conversation.item.deleted")
        fourth = await wire.add("fourth")
        assert fourth["previous_item_id"] == second["item"]["id"]


async def test_truncated_speech_has_no_transcript(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.say(LONG)
        before = await done(wire)
        item_id = before["output"][0]["id"]
        place: dict[str, Any] = {"item_id": item_id, "content_index": 0, "audio_end_ms": 1000}
        await wire.send("conversation.item.truncate", **place)
        truncated = await wire.until("conversation.item.truncated")
        assert {key: truncated[key] for key in place} == place
        await wire.send("conversation.item.retrieve", item_id=item_id)
        item = (await wire.until("conversation.item.retrieved"))["item"]
        assert "transcript" not in item["content"][0]
        await wire.say('Say exactly: "Yes."')
        details = (await done(wire))["usage"]["input_token_details"]
        assert details["audio_tokens"] == 20  # of one second


async def test_what_was_asked_before_is_cached(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.configure(instructions="You are the desk of a restaurant. " * 20)
        cached = []
        for _turn in range(3):
            await wire.add(HOURS)
            await wire.send("response.create", response={"output_modalities": ["text"]})
            usage = (await done(wire))["usage"]
            details = usage["input_token_details"]
            assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
            both = details["cached_tokens_details"]
            assert sum(both.values()) == details["cached_tokens"] <= usage["input_tokens"]
            cached.append(details["cached_tokens"])
        assert cached[0] == 0
        assert all(tokens >= 128 and tokens % 64 == 0 for tokens in cached[1:])
        await wire.configure(instructions="Something else.")
        await wire.send("response.create")
        assert (await done(wire))["usage"]["input_token_details"]["cached_tokens"] == 0
