"""A SIP user agent without sockets, clock or randomness of its own: bytes and time go in,
bytes and events come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from bridge.sip.call import Call
from bridge.sip.events import Event
from bridge.sip.flow import Address, Flow, Outgoing, Transport
from bridge.sip.ids import Ids
from bridge.sip.settings import Credentials, UserAgentSettings


class UserAgent:
    """After every call of a method: drain `outgoing` first, then `events`, then wait no longer
    than until `deadline`. Handling an event may make more of both."""

    def __init__(self, settings: UserAgentSettings, ids: Ids | None = None) -> None:
        self.settings = settings
        self.drops: Counter[str] = Counter()
        """What came in and was dropped, by a kebab word; never grows by content of messages."""

    def receive(self, message: bytes, flow: Flow, now: float) -> None:
        """One framed message or datagram. Never raises: what is wrong is refused or counted."""
        raise NotImplementedError

    def flow_lost(self, flow: Flow, now: float) -> None:
        """The connection is gone. Dialogs wait for the far side to come back, or end."""
        raise NotImplementedError

    def unreachable(self, outgoing: Outgoing, now: float) -> None:
        """This message could not be sent: nobody takes connections there, or a send failed."""
        raise NotImplementedError

    def advance(self, now: float) -> None:
        """Fires every timer that is due."""
        raise NotImplementedError

    @property
    def deadline(self) -> float | None:
        """When `advance` is due next, on the clock of `now`; None: nothing waits."""
        raise NotImplementedError

    def outgoing(self) -> list[Outgoing]:
        """What is to be sent, in this order; it is forgotten here."""
        raise NotImplementedError

    def events(self) -> list[Event]:
        """What happened, in this order; it is forgotten here."""
        raise NotImplementedError

    @property
    def calls(self) -> tuple[Call, ...]:
        """Calls that have not ended."""
        raise NotImplementedError

    def invite(
        self,
        target: str,
        *,
        transport: Transport,
        destination: Address,
        from_: str,
        now: float,
        to: str | None = None,
        offer: str | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        ringing_timeout: float | None = None,
    ) -> Call:
        """Calls `target`, a SIP URI that becomes the Request-URI, by way of `destination`.

        `from_` and `to` (default: the target) are URIs or `"name" <uri>`. Without an offer the far
        side makes it. `ringing_timeout` in seconds from now to the 2xx, then CANCEL.
        """
        raise NotImplementedError
