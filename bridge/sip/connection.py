"""A call whose connection is lost: it waits for the far side, asks for it, or ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.sip.core import Timer
from bridge.sip.events import CallEnd
from bridge.sip.exchange import Exchange
from bridge.sip.message import Response

if TYPE_CHECKING:
    from bridge.sip.call import Call


class Connection:
    """Of one call, over TCP or TLS. Many peers close idle ones in the middle of calls, and open
    another one when they have something to say (RFC 3261 section 18): that alone ends nothing."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._timers: list[Timer] = []

    def lost(self) -> None:
        """The far side has until `lost_flow` to come back; before that we ask for it ourselves."""
        if self._timers:
            return
        call, core = self._call, self._call.core
        # An INVITE that nobody answered at all was perhaps never heard (17.1.4); but some carriers
        # answer by another connection (18.2.2), and whom they woke should not be hung up on.
        patience = core.timers.t4 if call.setup.is_unheard else core.timers.lost_flow
        self._timers = [core.after(patience, self._lost_for_good)]
        if call.state == "answered":
            self._timers.append(core.after(core.timers.probe, self._probe))

    def found(self) -> bool:
        """Whether it had been lost."""
        was_lost = bool(self._timers)
        self.stop()
        return was_lost

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _probe(self) -> None:
        call = self._call
        if call.state == "answered":
            Exchange(call, lambda: call.request("OPTIONS"), self._probed)

    def _probed(self, response: Response) -> None:
        if response.code in (408, 481):
            self._lost_for_good()

    def _lost_for_good(self) -> None:
        self.stop()
        call = self._call
        end = CallEnd("network", "connection-lost", call.answered, call.setup.status)
        if call.answered:
            call.leave(end)
        elif call.is_active:
            call.setup.give_up(end)
