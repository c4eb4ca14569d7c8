"""A restaurant's own HTTP service, as an assistant's tool asks it."""

from __future__ import annotations

from typing import Any, Self

from aiohttp import web


class ReservationBook:
    def __init__(self) -> None:
        self.table = "table seven"
        self.asked: list[dict[str, Any]] = []
        self.keys_shown: list[str | None] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/tables", self._check)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/tables"
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _check(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.keys_shown.append(request.headers.get("X-Key"))
        return web.json_response({"table": self.table})


def check_table(book: ReservationBook) -> dict[str, Any]:
    """The tool of the demo's scenario, as `/assistants` takes it."""
    return {
        "name": "check_table",
        "description": "Which table is free?",
        "url": book.url,
        "parameters": {
            "type": "object",
            "properties": {
                "guests": {"type": "integer"},
                "day": {"type": "string"},
                "time": {"type": "string"},
            },
            "required": ["guests", "day"],
        },
    }
