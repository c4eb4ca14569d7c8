"""The phone's attributes in the room: written one after the other, the newest value of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bridge.room.hold import RemoteHold
from contract.rooms import Attribute

log = structlog.get_logger()

_FIRST_PAUSE = 0.1  # s
_LONGEST_PAUSE = 1.0  # s

Write = Callable[[Mapping[str, str]], Awaitable[None]]


class Attributes:
    """`set` never blocks. What LiveKit did not take is written again, until `aclose`."""

    def __init__(self, write: Write, hold: RemoteHold) -> None:
        """`hold` is told of each value of `call.hold` that goes out."""
        self._write = write
        self._hold = hold
        self._known: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="phone_attributes")

    async def aclose(self) -> None:
        """What is not written by now never will be."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def set(self, values: Mapping[str, str]) -> None:
        self._known |= values
        self._waiting |= values
        self._settled.clear()
        self._wake.set()

    def again(self) -> None:
        """All of them: LiveKit may have forgotten them while it was away."""
        if Attribute.CALL_HOLD in self._known:  # others write it too
            self._known[Attribute.CALL_HOLD] = self._hold.text
        if self._known:
            self.set(self._known)

    async def settled(self) -> None:
        """Returns when LiveKit has them all."""
        await self._settled.wait()

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._wake.wait()
            self._wake.clear()
            values, self._waiting = self._waiting, {}
            hold = values.get(Attribute.CALL_HOLD)
            if hold is not None:
                self._hold.writing(hold)
            try:
                await self._write(values)
            except Exception as error:  # whatever it is, the room must come to know
                if pause == _FIRST_PAUSE:
                    log.warning("phone_attributes_not_written", error=type(error).__name__)
                if hold is not None:
                    self._hold.not_written()
                self._waiting = values | self._waiting
                self._wake.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if not self._waiting:
                self._settled.set()
