"""What the sockets tell whoever speaks over them."""

from __future__ import annotations

from typing import Protocol

from bridge.sip.flow import Flow, Outgoing


class Upper(Protocol):
    """Every call is made in the turn of the event loop in which it happened."""

    def received(self, data: bytes, flow: Flow) -> None: ...
    def sent(self, data: bytes, flow: Flow) -> None: ...
    def lost(self, flow: Flow) -> None: ...
    def unreachable(self, outgoing: Outgoing, why: str) -> None: ...
