"""Telling what happens in a leg, to a callback and to whoever iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import structlog

from bridge.legs.events import LegEnded, LegEvent

log = structlog.get_logger()

_WAITING = 1000


class News:
    def __init__(self) -> None:
        self.on_event: Callable[[LegEvent], None] | None = None
        self.missed = 0
        self._queue: asyncio.Queue[LegEvent] | None = None
        self._end: LegEnded | None = None

    def tell(self, event: LegEvent) -> None:
        if isinstance(event, LegEnded):
            self._end = event
        if self._queue is not None:
            # A flood of digits must not fill the memory of whoever reads slowly.
            if self._queue.qsize() < _WAITING or isinstance(event, LegEnded):
                self._queue.put_nowait(event)
            else:
                self.missed += 1
        if self.on_event is not None:
            try:
                self.on_event(event)
            except Exception:  # what others do with the news must not harm the call
                log.exception("leg_event_not_handled", leg_event=type(event).__name__)

    async def events(self) -> AsyncIterator[LegEvent]:
        """From now on; the end is the last one."""
        if self._queue is None:
            self._queue = asyncio.Queue()
            if self._end is not None:
                self._queue.put_nowait(self._end)
        while True:
            event = await self._queue.get()
            yield event
            if isinstance(event, LegEnded):
                return
