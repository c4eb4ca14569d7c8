"""A tenant's receiver of webhooks: a real server that answers as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: str

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def verify(self, secret: str) -> Any:
        """The event. Raises what the receivers' own library raises for a bad signature."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers in order, the last one for ever."""

    answers: list[Answer]
    url: str = ""
    got: list[Received] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        async with self._news:
            self.got.append(Received(headers, body))
            self._news.notify_all()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    async def until(self, holds: Callable[[list[Received]], bool], seconds: float = 30) -> None:
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: holds(self.got))
        except TimeoutError:
            got = "\n  ".join(one.body for one in self.got) or "nothing"
            raise AssertionError(f"not within {seconds} s; what came:\n  {got}") from None


@asynccontextmanager
async def receiver(*answers: Answer) -> AsyncIterator[Receiver]:
    """Without answers it takes everything."""
    one = Receiver(list(answers) or [status(204)])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield one
    finally:
        await runner.cleanup()


def status(code: int, text: str = "", **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, text=text, headers=kept)

    return answer
