"""REFER both ways (RFC 3515, RFC 5589): handing a call on to another number."""

from __future__ import annotations

import asyncio

from bridge.legs.errors import LegOver
from bridge.legs.events import TransferProgress
from bridge.legs.host import LegHost
from bridge.sip import Call


class Transfers:
    def __init__(self, host: LegHost, call: Call) -> None:
        self._host = host
        self._call = call
        self._outcome: asyncio.Future[TransferProgress] | None = None
        self._asked = False

    # Ours

    async def transfer(self, target: str) -> TransferProgress:
        """How it came out. Raises LegOver, also when the call ended before that was known."""
        if self._outcome is not None:
            raise LegOver("A transfer is under way already.")
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            self._call.refer(target, self._host.now())
            self._host.pump()
            return await self._outcome
        finally:
            self._outcome = None

    def progress(self, progress: TransferProgress) -> None:
        if progress.final and self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(progress)

    def end(self) -> None:
        self._asked = False
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(LegOver("The call ended before the transfer was done."))

    # Theirs

    def asked(self) -> None:
        self._asked = True

    def accept(self) -> None:
        self._must_be_asked()
        self._call.accept_refer(self._host.now())
        self._host.pump()

    def report(self, status: int, phrase: str = "") -> None:
        """How our call to their target does; a final status is the last one."""
        self._must_be_asked()
        self._asked = status < 200
        self._call.notify_refer(status, self._host.now(), phrase)
        self._host.pump()

    def refuse(self, status: int) -> None:
        self._must_be_asked()
        self._asked = False
        self._call.refuse_refer(status, self._host.now())
        self._host.pump()

    def _must_be_asked(self) -> None:
        if not self._asked:
            raise LegOver("The far side has asked for no transfer, or has its answer.")
