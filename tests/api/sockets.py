"""The API on a real port, and requests as raw bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api.server import server_of
from api.settings import ApiSettings
from tests.api.service import KEY, free_port


@asynccontextmanager
async def listening(settings: ApiSettings, port: int | None = None) -> AsyncIterator[int]:
    """Its port. Ends as on SIGTERM."""
    settings.api_port = port or free_port()
    server = server_of(settings)
    # Without its own signal handlers, which would be pytest's.
    serving = asyncio.create_task(server._serve())
    while not server.started:
        assert not serving.done(), "the server ended while starting"
        await asyncio.sleep(0.01)
    try:
        yield settings.api_port
    finally:
        server.should_exit = True
        await serving


async def ask(port: int, *pieces: bytes, pause: float = 0.0, patience: float = 20.0) -> RawAnswer:
    """Send the pieces, then read until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(patience):
            return RawAnswer(await reader.read())
    except ConnectionError:
        async with asyncio.timeout(patience):
            return RawAnswer(await reader.read())
    finally:
        writer.close()


class RawAnswer:
    def __init__(self, raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.is_empty = not raw
        self.status = int(lines[0].split(" ")[1]) if raw else 0
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        self.body = body

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json", self.body
        body: dict[str, Any] = json.loads(self.body)
        assert body["status"] == self.status
        return body


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: api.test", f"Authorization: Bearer {KEY}")
    return "\r\n".join((*lines, *headers, "", "")).encode()
