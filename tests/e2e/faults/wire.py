"""The wire between LiveKit and the API: a real HTTP proxy that can lose, double and keep events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Letter:
    """One webhook as it came: the signature is for these very bytes."""

    body: bytes
    headers: dict[str, str]

    @property
    def event(self) -> str:
        return str(json.loads(self.body).get("event", ""))

    @property
    def room(self) -> str:
        told = json.loads(self.body)
        room = told.get("room") or {}
        egress = told.get("egressInfo") or {}
        return str(room.get("name") or egress.get("roomName") or "")


class WebhookWire:
    """`url` is what LiveKit is told; `api_url` is set once the API's address is known."""

    def __init__(self) -> None:
        self.api_url = ""
        self.url = ""
        self.letters: list[Letter] = []
        self._carry: Callable[[Letter], Awaitable[int]] = self.deliver

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        app = web.Application(client_max_size=1 << 22)
        app.router.add_post("/livekit/webhook", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/livekit/webhook"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def deliver(self, letter: Letter) -> int:
        """The API's status; 502, which LiveKit tries again, when the API is away."""
        url = f"{self.api_url}/livekit/webhook"
        try:
            async with self._http.post(url, data=letter.body, headers=letter.headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 502

    @contextmanager
    def losing(self) -> Iterator[None]:
        """Everything is lost, while LiveKit believes that it arrived."""
        with self._carrying_by(_lose):
            yield

    @contextmanager
    def tripling(self) -> Iterator[None]:
        """Everything arrives three times at once."""

        async def triple(letter: Letter) -> int:
            return max(await asyncio.gather(*(self.deliver(letter) for _ in range(3))))

        with self._carrying_by(triple):
            yield

    @contextmanager
    def keeping(self) -> Iterator[list[Letter]]:
        """Nothing is delivered; the test does so itself, in the order that it likes."""
        kept: list[Letter] = []

        async def keep(letter: Letter) -> int:
            kept.append(letter)
            return 200

        with self._carrying_by(keep):
            yield kept

    @contextmanager
    def _carrying_by(self, way: Callable[[Letter], Awaitable[int]]) -> Iterator[None]:
        self._carry = way
        try:
            yield
        finally:
            self._carry = self.deliver

    async def _take(self, request: web.Request) -> web.Response:
        passed_on = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in passed_on if name in request.headers}
        letter = Letter(await request.read(), headers)
        self.letters.append(letter)
        return web.Response(status=await self._carry(letter))


async def _lose(_letter: Letter) -> int:
    return 200
