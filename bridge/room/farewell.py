"""The last steps of a leg, when SIP is done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from bridge.room.options import RoomLegOptions
from bridge.room.order import Teller
from bridge.room.presence import Presence

log = structlog.get_logger()

_ANSWERING = 1.0  # s, beside what `phone.hangup` waits for


class Farewell:
    def __init__(
        self, presence: Presence, teller: Teller, options: RoomLegOptions, call_id: str
    ) -> None:
        self.has_left = asyncio.Event()
        """The end is told, as far as anybody took it, and the phone is out of the room."""
        self._presence = presence
        self._teller = teller
        self._options = options
        self._log = log.bind(call_id=call_id)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._run(), name="leg_farewell")

    async def done(self) -> None:
        await self.has_left.wait()
        assert self._task is not None
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        patience = self._options.last_word_patience
        await asyncio.gather(
            self._step(self._teller.told(patience), patience),
            self._step(self._presence.settled(), patience),
        )
        await self._step(self._presence.answered(self._options.goodbye_patience + _ANSWERING))
        await self._step(self._presence.leave())
        self.has_left.set()
        await self._step(self._teller.aclose())

    async def _step(self, step: Coroutine[Any, Any, None], patience: float | None = None) -> None:
        """None of them keeps the next one from being made."""
        try:
            async with asyncio.timeout(patience):
                await step
        except TimeoutError:
            pass
        except Exception as error:
            self._log.exception("leg_not_closed_well", error=type(error).__name__)
