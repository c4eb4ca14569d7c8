"""One response's life: from `response.created` to `response.done`, however it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sandbox.providers.mind import Calls, Says
from sandbox.providers.openai import usage
from sandbox.providers.openai.conversation import Conversation, Item
from sandbox.providers.openai.errors import new_id

Send = Callable[..., Awaitable[None]]
"""(type, **fields): one event to the client."""


class TokensUsedUp(Exception):
    """`max_output_tokens` of the response are spoken."""


class Cancelled(Exception):
    """The response is to end: raised between two events, so that none is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a response is to be. `conversation` None: out of band."""

    answer: Says | Calls
    conversation: Conversation | None
    audio: dict[str, Any]  # `output` of the configuration: format, voice
    modality: str
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    prompt: list[usage.Block]
    previous_prompt: list[usage.Block]
    first_token_seconds: float
    token_seconds: float


@dataclass(eq=False)
class Response:
    order: Order
    send: Send
    gate: Callable[[Response], Coroutine[Any, Any, bool]]
    """Lets a fault hit the response. False: it was hit, and is over."""
    produce: Callable[[Response], Awaitable[None]]
    log: dict[str, Any]
    client_event_id: str | None = None  # of the response.create
    id: str = field(default_factory=lambda: new_id("resp"))
    item: Item | None = None
    text_tokens: int = 0
    audio_ms: int = 0
    over: bool = False
    _created: bool = False
    _previous_id: str | None = None  # of the item before its own
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: str = ""
    _task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        self._task = asyncio.create_task(self._run(), name=f"response {self.id}")
        return self._task

    async def cancel(self, reason: str) -> None:
        """End it now: `client_cancelled` or `turn_detected`. Returns when response.done is sent."""
        if self._task is None or self.over:
            return
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()
        await asyncio.wait({self._task})

    async def pause(self, seconds: float) -> None:
        """Take so long, unless the response is cancelled meanwhile: raises Cancelled."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
            raise Cancelled

    async def fail(self, error: dict[str, Any]) -> None:
        """The model cannot answer."""
        await self._close("failed", {"type": "failed", "error": error})

    async def open(self, item: Item) -> None:
        """Begin the response's one item."""
        self.item = item
        await self.tell("response.output_item.added", item=item.wire)
        if self.order.conversation is not None:
            self._previous_id = self.order.conversation.append(item)
            await self.send(
                "conversation.item.added", previous_item_id=self._previous_id, item=item.wire
            )

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.send(kind, response_id=self.id, output_index=0, **fields)

    async def tell_part(self, kind: str, **fields: Any) -> None:
        assert self.item is not None
        await self.tell(kind, item_id=self.item.id, content_index=0, **fields)

    def mind_the_limit(self) -> None:
        most = self.order.max_output_tokens
        if isinstance(most, int) and self.text_tokens + self._audio_tokens >= most:
            raise TokensUsedUp

    @property
    def _audio_tokens(self) -> int:
        return usage.audio_tokens(self.audio_ms, of_assistant=True)

    async def _run(self) -> None:
        try:
            with suppress(ConnectionError):  # the client went away
                await self._live()
        finally:
            self.over = True

    async def _live(self) -> None:
        try:
            if await self._admitted():
                await self._begin()
                await self.produce(self)
                await self._close("completed", None)
        except TokensUsedUp:
            await self._close("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
        except Cancelled:
            await self._close("cancelled", {"type": "cancelled", "reason": self._reason})

    async def _admitted(self) -> bool:
        """Whether no fault hit it. While one takes its time the response can be cancelled."""
        gate = asyncio.create_task(self.gate(self))
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({gate, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not gate.done():
                raise Cancelled
            return gate.result()
        finally:
            gate.cancel()
            stop.cancel()

    async def _begin(self) -> None:
        if not self._created:
            self._created = True
            await self.send("response.created", response=self._wire("in_progress"))
            await self.send("rate_limits.updated", rate_limits=_rate_limits(self.order.prompt))

    async def _close(self, status: str, details: dict[str, Any] | None) -> None:
        if self.over:
            return
        await self._begin()
        if self.item is not None:
            await self._finish(self.item, "completed" if status == "completed" else "incomplete")
        response = self._wire(status, details)
        response["usage"] = usage.usage(
            self.order.prompt, self.order.previous_prompt, self.text_tokens, self._audio_tokens
        )
        self.log |= {"finished_at": time.time(), "status": status, "usage": response["usage"]}
        self.over = True  # before it is told: a response.create that follows may begin another
        await self.send("response.done", response=response)

    async def _finish(self, item: Item, status: str) -> None:
        item.wire["status"] = status
        if item.wire["type"] == "message":
            for part in item.wire["content"]:
                await self._finish_part(part)
        if self.order.conversation is not None:
            await self.send(
                "conversation.item.done", previous_item_id=self._previous_id, item=item.wire
            )
        await self.tell("response.output_item.done", item=item.wire)

    async def _finish_part(self, part: dict[str, Any]) -> None:
        if part["type"] == "output_audio":
            # A truncated item has no transcript any more.
            transcript = part.get("transcript", "")
            await self.tell_part("response.output_audio.done")
            await self.tell_part("response.output_audio_transcript.done", transcript=transcript)
            done = {"type": "audio", "transcript": transcript}
        else:
            await self.tell_part("response.output_text.done", text=part["text"])
            done = {"type": "text", "text": part["text"]}
        await self.tell_part("response.content_part.done", part=done)

    def _wire(self, status: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
        order = self.order
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [self.item.wire] if self.item else [],
            "conversation_id": order.conversation.id if order.conversation else None,
            "output_modalities": [order.modality],
            "max_output_tokens": order.max_output_tokens,
            "audio": {"output": {k: order.audio[k] for k in ("format", "voice")}},
            "usage": None,
            "metadata": order.metadata,
        }


def _rate_limits(prompt: list[usage.Block]) -> list[dict[str, Any]]:
    limit = 40_000
    used = sum(block.text + block.audio for block in prompt)
    left = max(0, limit - used)
    reset = round(60 * (limit - left) / limit, 3)
    return [{"name": "tokens", "limit": limit, "remaining": left, "reset_seconds": reset}]
