"""Our 2xx to an INVITE, sent again until its ACK comes (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from bridge.sip.core import Core, Timer
from bridge.sip.message import Request, Response
from bridge.sip.transactions.server import ServerInvite


class Acceptance:
    """On every transport: a proxy between us and them may speak UDP on its other side."""

    def __init__(
        self,
        core: Core,
        transaction: ServerInvite,
        response: Response,
        on_ack: Callable[[Request], None],
        on_timeout: Callable[[], None],
    ) -> None:
        self._core = core
        self._transaction = transaction
        self._data = bytes(response)
        self._on_ack = on_ack
        self._on_timeout = on_timeout
        self._wait = core.timers.t1
        self._again: Timer = core.after(self._wait, self._send)
        self._timeout: Timer = core.after(core.timers.timeout, self._given_up)
        self.acknowledged = False
        transaction.respond(response)

    def acknowledge(self, ack: Request) -> None:
        if not self.acknowledged:
            self.acknowledged = True
            self.stop()
            self._on_ack(ack)

    def stop(self) -> None:
        self._again.cancel()
        self._timeout.cancel()

    def _send(self) -> None:
        self._transaction.again(self._data)
        self._wait = min(2 * self._wait, self._core.timers.t2)
        self._again = self._core.after(self._wait, self._send)

    def _given_up(self) -> None:
        self.stop()
        self._on_timeout()
