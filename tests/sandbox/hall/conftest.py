from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import unused_port
from livekit import api
from livekit.protocol.webhook import WebhookEvent

from sandbox.hall.rooms import Rooms
from sandbox.hall.server import HallApi
from sandbox.hall.webhooks import RoomWebhooks

KEY, SECRET = "hall", "a secret that is long enough for HS256"


@dataclass
class OpenHall:
    url: str
    livekit: api.LiveKitAPI
    http: aiohttp.ClientSession
    events: asyncio.Queue[WebhookEvent] = field(default_factory=asyncio.Queue)

    async def join(self, room: str, identity: str) -> None:
        await self._control("join", room, identity)

    async def leave(self, room: str, identity: str) -> None:
        await self._control("leave", room, identity)

    async def mute(self, room: str) -> None:
        await self._control("mute", room, "")

    async def asked(self, method: str) -> int:
        async with self.http.get(f"{self.url}/control/requests") as answer:
            counted: dict[str, int] = (await answer.json())["asked"]
            return counted.get(method, 0)

    async def told(self, number: int) -> list[tuple[str, str]]:
        """The next webhooks: event and identity."""
        async with asyncio.timeout(5):
            events = [await self.events.get() for _ in range(number)]
        return [(event.event, event.participant.identity) for event in events]

    async def _control(self, what: str, room: str, identity: str) -> None:
        told = {"room": room, "identity": identity}
        async with self.http.post(f"{self.url}/control/{what}", json=told) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def open_hall() -> AsyncIterator[OpenHall]:
    """In this process, over real sockets; its webhooks come to `events`, signatures checked."""
    receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def receive(request: web.Request) -> web.Response:
        body = await request.text()
        hall.events.put_nowait(receiver.receive(body, request.headers["Authorization"]))
        return web.Response()

    port, ear_port = unused_port(), unused_port()
    ear = web.Application()
    ear.add_routes([web.post("/", receive)])
    webhooks = RoomWebhooks(f"http://127.0.0.1:{ear_port}/", KEY, SECRET)
    served = HallApi(Rooms(webhooks.publish), api.TokenVerifier(KEY, SECRET))
    runners = [web.AppRunner(ear), web.AppRunner(served.application())]
    await webhooks.start()
    url = f"http://127.0.0.1:{port}"
    async with api.LiveKitAPI(url, KEY, SECRET) as livekit, aiohttp.ClientSession() as http:
        hall = OpenHall(url, livekit, http)
        for runner, where in zip(runners, (ear_port, port), strict=True):
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", where).start()
        try:
            yield hall
        finally:
            for runner in reversed(runners):
                await runner.cleanup()
            await webhooks.aclose()


@pytest_asyncio.fixture
async def hall() -> AsyncIterator[OpenHall]:
    async with open_hall() as opened:
        yield opened
