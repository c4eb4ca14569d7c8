"""A host of assets, over real HTTP, with an etag for each and a count of what it was asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.media_bot.playback.cache import digest_of


class AssetHost:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.gives_etags = True
        self.delay = 0.0
        self.status = 200
        self.answers: Counter[int] = Counter()
        app = web.Application()
        app.router.add_get("/{name}", self._give)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.close()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._server.port}"

    def url(self, name: str) -> str:
        return f"http://{self.name}/{name}"

    async def _give(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        answer = self._answer(request)
        self.answers[answer.status] += 1
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        body = self.files.get(request.match_info["name"])
        if self.status != 200 or body is None:
            return web.Response(status=404 if self.status == 200 else self.status)
        if not self.gives_etags:
            return web.Response(body=body)
        etag = f'"{digest_of(body)[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=body, headers={"ETag": etag})
