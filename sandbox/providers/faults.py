"""Misbehaviour on demand: what a stand-in was told to do wrong, and what it was asked.

`POST /{vendor}/control/fault {operation?, kind, value?, count?}` arms a fault, for `count` uses or
until `DELETE`. On HTTP it hits the next request. On a websocket it hits the next handshake and the
next answer of sockets that are open; `cut` also hits open sockets at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

GARBAGE = b'{"\x00\xff not what you asked for <<<'
_LOG_ENTRIES = 2000

Kind = Literal["slow", "status", "hang", "cut", "garbage"]


class Fault(BaseModel):
    """`value`: seconds for slow (default 2), HTTP status for status (default 503)."""

    model_config = ConfigDict(extra="forbid")

    operation: str | None = None
    kind: Kind
    value: float | None = Field(default=None, ge=0)
    count: int | None = Field(default=None, ge=1)

    @property
    def seconds(self) -> float:
        return 2.0 if self.value is None else self.value

    @property
    def status(self) -> int:
        value = int(self.value or 503)
        return value if 400 <= value <= 599 else 503


@dataclass(eq=False)
class Vendor:
    """One stand-in: its armed faults, its log and its open sockets."""

    name: str
    operations: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list)
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_LOG_ENTRIES))
    cleared: asyncio.Event = field(default_factory=asyncio.Event)
    _open: list[tuple[web.Request, str]] = field(default_factory=list)

    def asked(self, operation: str, **details: Any) -> dict[str, Any]:
        """Log what was asked. The entry is filled in further while it is being answered."""
        entry = {"operation": operation, "at": time.time(), **details}
        self.log.append(entry)
        return entry

    def arm(self, fault: Fault) -> None:
        self.cleared.clear()
        self.faults.append(fault)
        if fault.kind == "cut":
            for request, operation in list(self._open):
                if fault in self.faults and fault.operation in (None, operation):
                    self._use(fault)
                    self.closed(request)
                    cut(request)

    def clear(self) -> None:
        self.faults.clear()
        self.cleared.set()  # what hangs may go on

    def hang_up(self) -> None:
        """Let go of everybody, because the server ends."""
        self.clear()
        for request, _operation in self._open:
            cut(request)

    def opened(self, request: web.Request, operation: str) -> None:
        self._open.append((request, operation))

    def closed(self, request: web.Request) -> None:
        self._open = [pair for pair in self._open if pair[0] is not request]

    def take(self, operation: str, *, named: bool = False) -> Fault | None:
        """The fault that this operation meets now, used once; slow is slept by the caller.
        `named`: not one that is for all operations."""
        for fault in self.faults:
            if fault.operation == operation or (fault.operation is None and not named):
                self._use(fault)
                return fault
        return None

    async def hang(self, request: web.Request) -> None:
        """Answer nothing until the client goes away or the fault is cleared."""
        while not gone(request):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.cleared.wait(), 0.05)
                return

    def _use(self, fault: Fault) -> None:
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self.faults.remove(fault)


def gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def cut(request: web.Request) -> None:
    """Drop the connection as a broken line does: no close frame, no end of the body."""
    if request.transport is not None:
        request.transport.abort()
