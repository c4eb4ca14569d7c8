"""A plain websocket client of the stand-in."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from sandbox.providers.mouth import Samples
from tests.sandbox.providers.openai.conversing import RATE

PATH = "/openai/v1/realtime?model=gpt-realtime"
KEY = {"Authorization": "Bearer any-key"}
Event = dict[str, Any]


class Wire:
    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.seen: list[Event] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.ws.send_json({"type": kind, **fields})

    async def next(self, seconds: float = 15.0) -> Event:
        event: Event = await self.ws.receive_json(timeout=seconds)
        assert event["event_id"].startswith("event_")
        self.seen.append(event)
        return event

    async def until(self, kind: str) -> Event:
        """The next event of this type; an error that nobody expects is a failure."""
        while True:
            event = await self.next()
            if event["type"] == kind:
                return event
            assert event["type"] != "error", event

    async def until_all(self, *kinds: str) -> dict[str, Event]:
        """One event of each of these types, in whatever order they come."""
        found: dict[str, Event] = {}
        while set(kinds) - set(found):
            event = await self.next()
            assert event["type"] != "error", event
            if event["type"] in kinds:
                found[event["type"]] = event
        return found

    async def refused(self) -> Event:
        """What the next event, an error, says."""
        event = await self.next()
        assert event["type"] == "error", event
        error: Event = event["error"]
        return error

    async def configure(self, **session: Any) -> Event:
        await self.send("session.update", session={"type": "realtime", **session})
        return (await self.until("session.updated"))["session"]

    async def detect(self, detection: Event | None) -> None:
        await self.configure(audio={"input": {"turn_detection": detection}})

    async def hear(self, samples: Samples | bytes, milliseconds: int = 100) -> None:
        data = samples if isinstance(samples, bytes) else samples.tobytes()
        size = RATE * 2 * milliseconds // 1000
        for at in range(0, len(data), size):
            audio = base64.b64encode(data[at : at + size]).decode()
            await self.send("input_audio_buffer.append", audio=audio)

    async def say(self, text: str, **response: Any) -> None:
        await self.send("response.create", response={"instructions": text, **response})

    async def add(self, text: str, **fields: Any) -> Event:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item, **fields)
        added = await self.until("conversation.item.added")
        await self.until("conversation.item.done")
        return added

    def types(self) -> list[str]:
        return [event["type"] for event in self.seen]


@contextlib.asynccontextmanager
async def connected(http: aiohttp.ClientSession, path: str = PATH) -> AsyncIterator[Wire]:
    async with http.ws_connect(path, headers=KEY) as ws:
        wire = Wire(ws)
        created = await wire.next()
        assert created["type"] == "session.created"
        yield wire


async def log(http: aiohttp.ClientSession) -> list[Event]:
    entries: list[Event] = json.loads(await (await http.get("/openai/control/log")).text())["log"]
    return entries


async def done(wire: Wire) -> Event:
    response: Event = (await wire.until("response.done"))["response"]
    return response
