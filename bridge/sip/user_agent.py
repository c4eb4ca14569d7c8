"""A SIP user agent without sockets, clock or randomness of its own: bytes and time go in,
bytes and events come out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from bridge.sip.call import Call
from bridge.sip.calls import Calls
from bridge.sip.core import Core, Hop
from bridge.sip.events import Event
from bridge.sip.extra_headers import checked, checked_address, checked_uri
from bridge.sip.flow import Address, Flow, Outgoing, Transport
from bridge.sip.ids import Ids
from bridge.sip.message import Malformed, Request, Response, read
from bridge.sip.replies import reply
from bridge.sip.requests import Requests
from bridge.sip.settings import Credentials, UserAgentSettings
from bridge.sip.setup_out import Dialled, OutgoingSetup
from bridge.sip.transactions.layer import Transactions

_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r\n]+)")


class UserAgent:
    """After every call of a method: drain `outgoing` first, then `events`, then wait no longer
    than until `deadline`. Handling an event may make more of both."""

    def __init__(self, settings: UserAgentSettings, ids: Ids | None = None) -> None:
        self.settings = settings
        self._core = Core(settings, ids or Ids())
        self._transactions = Transactions(self._core)
        self._calls = Calls(self._core, self._transactions)
        self._requests = Requests(self._core, self._transactions, self._calls)

    @property
    def drops(self) -> Counter[str]:
        """What came in and was dropped, by a kebab word; never grows by content of messages."""
        return self._core.drops

    def receive(self, message: bytes, flow: Flow, now: float) -> None:
        """One framed message or datagram. Never raises: what is wrong is refused or counted."""
        self._core.clock(now)
        if not message.strip(b"\r\n\0"):
            self._core.drops["keep-alive"] += 1
            return
        try:
            found = read(message, flow)
        except Malformed as wrong:
            self._refuse(wrong)
            return
        if isinstance(found, Request):
            self._requests.received(found)
        else:
            self._response(found)

    def flow_lost(self, flow: Flow, now: float) -> None:
        """The connection is gone. Dialogs wait for the far side to come back, or end."""
        self._core.clock(now)
        # Calls first: they know their connection by their transaction's.
        self._calls.flow_lost(flow)
        self._transactions.flow_lost(flow)

    def unreachable(self, outgoing: Outgoing, now: float) -> None:
        """This message could not be sent: nobody takes connections there, or a send failed."""
        self._core.clock(now)
        if outgoing.flow is not None and outgoing.flow.reliable:
            # Sent into a connection that is gone: whoever used it learns that, and finds another.
            self._core.drops["unsent"] += 1
            self.flow_lost(outgoing.flow, now)
            return
        transaction = self._transactions.sender_of(outgoing)
        found = _CALL_ID.search(outgoing.data)
        is_response = outgoing.data.startswith(b"SIP/2.0 ")
        if outgoing.flow is None and found is not None and not is_response:
            call = self._calls.by_call_id(found[1].decode("utf-8", "surrogateescape"))
            if call is not None and (hop := call.another_way()) is not None:
                if transaction is not None:
                    transaction.hop = hop
                self._core.send(hop, outgoing.data)
                return
        if transaction is not None:
            transaction.failed()
        else:
            self._core.drops["unsent"] += 1

    def advance(self, now: float) -> None:
        """Fires every timer that is due."""
        self._core.advance(now)

    @property
    def deadline(self) -> float | None:
        """When `advance` is due next, on the clock of `now`; None: nothing waits."""
        return self._core.deadline

    def outgoing(self) -> list[Outgoing]:
        """What is to be sent, in this order; it is forgotten here."""
        return self._core.take_outgoing()

    def events(self) -> list[Event]:
        """What happened, in this order; it is forgotten here."""
        return self._core.take_events()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Calls that have not ended."""
        return self._calls.active

    @property
    def unanswered(self) -> int:
        """Requests of ours that wait for their final answer, and final answers of ours that wait
        for their ACK: who closes waits for these a while, for a call has ended as soon as its BYE
        or its refusal is sent."""
        leaving = sum(call.state == "ending" for call in self._calls.active)
        return leaving + self._transactions.unanswered

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
        side makes it. `ringing_timeout` in seconds from now to the 2xx, then CANCEL. Raises
        ValueError for what would make no valid INVITE, and for a transport that is not listened on.
        """
        self._core.clock(now)
        if transport not in self.settings.contacts:
            raise ValueError(f"No contact address is set for {transport}.")
        dialled = Dialled(
            checked_uri(target),
            Hop(None, transport, destination),
            checked_address(from_),
            checked_address(to or f"<{target.partition('?')[0]}>"),
            offer,
            checked(headers),
            ringing_timeout,
        )
        return self._calls.dial(dialled, credentials)

    def _refuse(self, wrong: Malformed) -> None:
        """Without a transaction: a retransmission is answered anew (RFC 3261 section 8.2.7)."""
        self._core.drops["malformed"] += 1
        request = wrong.request
        if request is None or request.method == "ACK":
            return
        if not all(request.headers.get(name) for name in ("Via", "From", "To", "Call-ID", "CSeq")):
            return
        phrase = re.sub(r"[^ -~]", "?", str(wrong)).rstrip(".")[:120] if wrong.status == 400 else ""
        answer = reply(
            request, wrong.status, name=self.settings.name, tag=self._core.ids.tag(), phrase=phrase
        )
        self._core.send(Hop.back(request.flow), bytes(answer))

    def _response(self, response: Response) -> None:
        if len(response.head.vias) != 1:
            self._core.drops["not-for-us"] += 1  # 8.1.3.3
            return
        transaction = self._transactions.client(response)
        if transaction is not None:
            transaction.received(response)
            return
        if response.head.method == "INVITE" and 200 <= response.code < 300:
            call = self._calls.find(response.head.call_id, response.head.from_tag)
            if call is not None and isinstance(call.setup, OutgoingSetup):
                call.setup.stray(response)
                return
        self._core.drops["stray-response"] += 1
