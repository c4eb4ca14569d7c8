"""Whatever a client sends in whatever order: responses end once, items are known, tokens add up."""

from __future__ import annotations

import asyncio
import json
import random

import aiohttp
import numpy as np
import pytest

from sandbox.providers.mouth import CALLER_VOICE, render
from tests.sandbox.providers.conversations import DOG, HOURS, quiet
from tests.sandbox.providers.openai.conversing import RATE
from tests.sandbox.providers.openai.wire import Event, Wire, connected

pytestmark = pytest.mark.slow  # dozens of sessions

ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": DOG}]}
VALID: list[Event] = [
    {"type": "response.create"},
    {"type": "response.create", "response": {"conversation": "none", "max_output_tokens": 40}},
    {"type": "response.cancel"},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": {"id": "x", **ITEM}},
    {"type": "conversation.item.create", "item": ITEM, "previous_item_id": "x"},
    {"type": "conversation.item.delete", "item_id": "x"},
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
]
JUNK = (None, True, -1, 1e308, "", "x" * 40, [], {}, [[]], 10**30)


async def something(wire: Wire, dice: random.Random) -> None:
    throw = dice.random()
    if throw < 0.5:
        await wire.ws.send_json(dice.choice(VALID))
    elif throw < 0.7:
        await wire.ws.send_json(damaged(dice.choice(VALID), dice))
    elif throw < 0.9:
        speech = render(dice.choice((DOG, HOURS)), CALLER_VOICE, RATE)
        clip = np.concatenate((speech, quiet(dice.choice((0.0, 0.3, 0.8)), RATE)))
        await wire.hear(clip, milliseconds=1000)
    else:
        await asyncio.sleep(dice.random() * 0.2)


def damaged(event: Event, dice: random.Random) -> Event:
    """The event with one of its parts, at any depth, replaced by junk."""
    copy: Event = json.loads(json.dumps(event))
    place = copy
    name = dice.choice(list(place))
    while isinstance(place[name], dict) and place[name] and dice.random() < 0.7:
        place = place[name]
        name = dice.choice(list(place))
    place[name] = dice.choice(JUNK)
    return copy


async def settled(wire: Wire) -> list[Event]:
    """All events, when the responses are over and the session still answers."""
    await wire.send("session.update", session={"type": "realtime", "instructions": "The end."})
    open_responses: set[str] = set()
    answered = False
    while not answered or open_responses:
        event = await wire.next(8)
        if event["type"] == "response.created":
            open_responses.add(event["response"]["id"])
        elif event["type"] == "response.done":
            open_responses.discard(event["response"]["id"])
        elif event["type"] == "session.updated":
            answered = answered or event["session"]["instructions"] == "The end."
    return wire.seen


@pytest.mark.parametrize("seed", range(12))
async def test_what_the_server_tells_holds_together(http: aiohttp.ClientSession, seed: int) -> None:
    dice = random.Random(seed)
    async with connected(http) as wire:
        await wire.detect({"type": "server_vad", "silence_duration_ms": 200})
        for _step in range(dice.randint(5, 30)):
            await something(wire, dice)
        events = await settled(wire)
    items: set[str] = set()
    over: set[str] = set()
    for event in events:
        assert event.get("response_id") not in over, event
        if event["type"] == "conversation.item.added":
            assert event["previous_item_id"] in items | {None}, event
            assert event["item"]["id"] not in items, event
            items.add(event["item"]["id"])
        elif event["type"] == "conversation.item.deleted":
            items.discard(event["item_id"])
        elif event["type"] == "response.done":
            assert event["response"]["id"] not in over
            over.add(event["response"]["id"])
            usage = event["response"]["usage"]
            details = usage["input_token_details"]
            assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
            assert details["text_tokens"] + details["audio_tokens"] == usage["input_tokens"]
            assert details["cached_tokens"] <= usage["input_tokens"]
