"""Room events on their way, signed; those of one room in order, as LiveKit keeps them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging

import aiohttp
from google.protobuf import json_format
from livekit import api
from livekit.protocol.webhook import WebhookEvent

log = logging.getLogger(__name__)

_ANSWER_TIMEOUT = aiohttp.ClientTimeout(total=10)
_PAUSES = (1.0, 2.0, 4.0, 8.0)  # go-retryablehttp's defaults


class RoomWebhooks:
    def __init__(self, url: str, key: str, secret: str) -> None:
        self._url, self._key, self._secret = url, key, secret
        self._last: dict[str, asyncio.Task[None]] = {}  # of each room that has events under way
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100), timeout=_ANSWER_TIMEOUT
        )

    async def aclose(self) -> None:
        under_way = list(self._last.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def publish(self, event: WebhookEvent) -> None:
        """Takes a picture of the event: the room goes on changing."""
        if not self._url:
            return
        room = event.room.name
        body = json_format.MessageToJson(event, indent=None).encode()
        task = asyncio.create_task(self._deliver(body, self._last.get(room)))
        self._last[room] = task
        task.add_done_callback(lambda done: self._forget(room, done))

    def _forget(self, room: str, done: asyncio.Task[None]) -> None:
        if self._last.get(room) is done:
            del self._last[room]

    async def _deliver(self, body: bytes, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        for pause in (*_PAUSES, None):
            status = await self._post(body)
            if status is not None and status < 500 and status != 429:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        log.warning("a webhook was given up after %d attempts", len(_PAUSES) + 1)

    async def _post(self, body: bytes) -> int | None:
        """The receiver's status; None when there was no answer."""
        assert self._session is not None
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        token = api.AccessToken(self._key, self._secret).with_sha256(digest).to_jwt()
        headers = {"Authorization": token, "Content-Type": "application/webhook+json"}
        try:
            async with self._session.post(self._url, data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as wrong:
            log.warning("webhook: %r", wrong)
            return None
