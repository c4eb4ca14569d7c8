"""Signed webhooks, in order: one queue for each egress and receiver."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import time
from datetime import timedelta

import aiohttp
from google.protobuf import json_format
from livekit import api
from livekit.protocol.egress import EgressInfo
from livekit.protocol.webhook import WebhookEvent

from sandbox.providers.faults import Fault
from sandbox.recorder.faults import Operation
from sandbox.twirp import FaultBoard, new_id

log = logging.getLogger(__name__)

# LiveKit's: go-retryablehttp with its defaults, five attempts.
_PAUSES = (1.0, 2.0, 4.0, 8.0)
_TOKEN_LIFE = timedelta(minutes=5)
_ANSWER_TIMEOUT = aiohttp.ClientTimeout(total=10)
_SPOILED = b'{"event":"egress_'


class Webhooks:
    """Where the egress events go."""

    def __init__(
        self, urls: tuple[str, ...], api_key: str, api_secret: str, faults: FaultBoard
    ) -> None:
        self._urls = urls
        self._key, self._secret = api_key, api_secret
        self._faults = faults
        self._session: aiohttp.ClientSession | None = None
        self._queues: dict[tuple[str, str], asyncio.Queue[bytes | None]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=_ANSWER_TIMEOUT)

    async def aclose(self, patience: float = 2.0) -> None:
        """What is still queued gets `patience` seconds to leave."""
        for queue in self._queues.values():
            queue.put_nowait(None)
        if self._senders:
            _, late = await asyncio.wait(self._senders, timeout=patience)
            for sender in late:
                sender.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def publish(self, event: str, info: EgressInfo) -> None:
        """Queues a snapshot; the last event of an egress also ends its queues."""
        message = WebhookEvent(
            event=event, egress_info=info, id=new_id("EV"), created_at=int(time.time())
        )
        body = json_format.MessageToJson(message, indent=None).encode()
        for url in self._urls:
            queue = self._queue(info.egress_id, url)
            queue.put_nowait(body)
            if event == "egress_ended":
                queue.put_nowait(None)

    def _queue(self, egress_id: str, url: str) -> asyncio.Queue[bytes | None]:
        key = (egress_id, url)
        if key not in self._queues:
            self._queues[key] = asyncio.Queue()
            sender = asyncio.create_task(self._send_all(key), name=f"webhooks {egress_id}")
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return self._queues[key]

    async def _send_all(self, key: tuple[str, str]) -> None:
        queue, url = self._queues[key], key[1]
        while (body := await queue.get()) is not None:
            await self._deliver(url, body)
        del self._queues[key]

    async def _deliver(self, url: str, body: bytes) -> None:
        for pause in (*_PAUSES, None):
            status = await self._attempt(url, body)
            if status is not None and status < 500 and status != 429:
                if status >= 400:
                    log.warning("webhook to %s refused with %d: dropped", url, status)
                return
            if pause is not None:
                await asyncio.sleep(pause)
        log.warning("webhook to %s: given up after %d attempts", url, len(_PAUSES) + 1)

    async def _attempt(self, url: str, body: bytes) -> int | None:
        """The receiver's status; None when there was no answer."""
        fault = self._faults.take(Operation.WEBHOOK)
        status = await self._spoil(fault)
        if status is None:
            sent = _SPOILED if fault and fault.kind == "garbage" else body
            status = await self._post(url, sent, signed_for=body)
        self._faults.note(Operation.WEBHOOK, fault, url=url, status=status, body=body.decode())
        return status

    async def _spoil(self, fault: Fault | None) -> int | None:
        if fault is None:
            return None
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
            case "hang":
                await self._faults.cleared()
            case "status":
                return fault.status  # as if the receiver had refused it
            case "cut":
                return 200  # lost on the way, and LiveKit none the wiser
            case "garbage":
                pass
        return None

    async def _post(self, url: str, body: bytes, *, signed_for: bytes) -> int | None:
        assert self._session is not None
        digest = base64.b64encode(hashlib.sha256(signed_for).digest()).decode()
        token = (
            api.AccessToken(self._key, self._secret).with_ttl(_TOKEN_LIFE).with_sha256(digest)
        ).to_jwt()
        headers = {"Authorization": token, "Content-Type": "application/webhook+json"}
        try:
            async with self._session.post(url, data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as wrong:
            log.warning("webhook to %s: %r", url, wrong)
            return None
