"""A server that answers as it is told to, to see what the command line asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class SmallApi:
    """Answers in order, the last one for ever; `asked` has every request."""

    answers: list[Answer]
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    def environment(self, **more: str) -> dict[str, str]:
        return {"SWITCHBOARD_API_URL": self.url, "SWITCHBOARD_API_KEY": "key"} | more


@asynccontextmanager
async def small_api(*answers: Answer) -> AsyncIterator[SmallApi]:
    api = SmallApi(list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


def told(status: int, body: object = None, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        kept = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.json_response(body, status=status, headers=kept)

    return answer


def problem(status: int, code: str, **headers: str) -> Answer:
    body = {"status": status, "code": code, "detail": "No.", "title": "No"}
    return told(status, body, **headers)
