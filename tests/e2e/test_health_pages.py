"""The pages by which containers are judged: they follow what is away and what comes back."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sandbox.stack import Stack
from tests.e2e.switchboard import eventually

pytestmark = pytest.mark.stack

PARTS = ["temporal", "livekit", "s3", "recorder", "worker", "media-bot"]


class Pages:
    def __init__(self, stack: Stack, plain: httpx2.AsyncClient) -> None:
        ports = stack.site.ports
        self._ports = {"worker": ports.worker_http, "media-bot": ports.media_bot_health}
        self._plain = plain

    async def become(self, part: str, status: int, word: str, *away: str) -> None:
        told: dict[str, Any] = {}

        async def is_so() -> bool:
            answer = await self._plain.get(f"http://127.0.0.1:{self._ports[part]}/readyz")
            told.update(answer.json())
            gone = {name for name, one in told["parts"].items() if not one["ok"]}
            return (answer.status_code, told["status"], gone) == (status, word, set(away))

        await eventually(is_so, timeout=25, otherwise=f"{part} never told of {away}: {told}")


async def test_each_process_tells_what_is_away_and_needs_no_restart() -> None:
    async with (
        Stack(free_ports=True, only=PARTS) as stack,
        httpx2.AsyncClient(timeout=10) as plain,
    ):
        pages = Pages(stack, plain)
        processes = {part: stack.pids(part) for part in ("worker", "media-bot")}
        await pages.become("worker", 200, "ready")
        await pages.become("media-bot", 200, "ready")
        for server, name in (("s3", "object_store"), ("recorder", "egress")):
            await stack.kill(server)
            await pages.become("worker", 200, "degraded", name)
            await stack.start_process(server)
            await pages.become("worker", 200, "ready")
        await stack.kill("livekit")
        await pages.become("worker", 503, "not ready", "livekit")
        await pages.become("media-bot", 503, "not ready", "livekit")
        await stack.start_process("livekit")
        await pages.become("worker", 200, "ready")
        await pages.become("media-bot", 200, "ready")
        assert {part: stack.pids(part) for part in processes} == processes
