"""The two API endpoints that agents use, as a small real server."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from contract.assistants import Assistant


class CompassDouble:
    """Knows assistants by id, keeps the turns that it was sent; a token opens only its own."""

    def __init__(self, call_token: str, *assistants: Assistant) -> None:
        self.assistants = {assistant.id: assistant for assistant in assistants}
        self.turns: list[dict[str, Any]] = []
        self.turns_of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)  # by call
        self.posts = 0
        self.failing_posts = 0  # so many more posts are answered 503
        self._call_token = call_token
        app = web.Application()
        app.router.add_get("/assistants/{id}", self._assistant)
        app.router.add_post("/internal/calls/{id}/turns", self._take_turns)
        self._server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    async def __aenter__(self) -> CompassDouble:
        await self._server.start_server()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.close()

    async def _assistant(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self._call_token}":
            return web.Response(status=401)
        assistant = self.assistants.get(request.match_info["id"])
        return web.json_response(asdict(assistant)) if assistant else web.Response(status=404)

    async def _take_turns(self, request: web.Request) -> web.Response:
        self.posts += 1
        if request.headers.get("Authorization") != f"Bearer {self._call_token}":
            return web.Response(status=401)
        if self.failing_posts:
            self.failing_posts -= 1
            return web.Response(status=503)
        turns = (await request.json())["turns"]
        self.turns += turns
        self.turns_of[request.match_info["id"]] += turns
        return web.Response(status=204)
