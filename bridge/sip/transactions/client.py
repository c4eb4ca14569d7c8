"""Client transactions: a request of ours and the answers to it (RFC 3261 17.1, RFC 6026)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from bridge.sip.core import Core, Hop, Timer
from bridge.sip.dialog import via
from bridge.sip.grammar import Via
from bridge.sip.message import Request, Response

Failure = Literal["timeout", "unreachable"]
State = Literal["calling", "proceeding", "completed", "accepted", "terminated"]
Key = tuple[str, str]


class Registry(Protocol):
    def begin_client(self, transaction: ClientTransaction) -> None: ...
    def end_client(self, transaction: ClientTransaction) -> None: ...


class ClientTransaction:
    """Any request but INVITE and ACK: timers E, F and K. `calling` is the RFC's Trying."""

    def __init__(
        self,
        core: Core,
        registry: Registry,
        request: Request,
        hop: Hop,
        on_response: Callable[[Response], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        self.request = request
        self.hop = hop
        self.state: State = "calling"
        self.branch = Via.parse(request.headers["Via"]).branch
        self._core = core
        self._registry = registry
        self.data = bytes(request)
        self._as_datagram: tuple[str, Hop] | None = None
        """Via and hop of a request that is too long for UDP, should nobody take it by TCP."""
        self._prefer_stream()
        self._on_response = on_response
        self._on_failure = on_failure
        self._wait = core.timers.t1
        self._again: Timer | None = None
        self._timeout: Timer | None = core.after(core.timers.timeout, self._timed_out)
        registry.begin_client(self)
        self._send()

    @property
    def key(self) -> Key:
        return self.branch, self.request.method

    @property
    def over(self) -> bool:
        return self.state == "terminated"

    def received(self, response: Response) -> None:
        if response.flow.reliable:
            self.hop = Hop.back(response.flow)
        if self.state in ("completed", "terminated"):
            return
        if response.code < 200:
            self.state = "proceeding"
        else:
            self._end_in(0 if self.hop.reliable else self._core.timers.t4)
        self._on_response(response)

    def failed(self) -> None:
        """The transport could not send it (17.1.4); what has an answer needs no sending."""
        if self._as_datagram is not None and self.state == "calling":
            (sent_by, self.hop), self._as_datagram = self._as_datagram, None
            self.request.headers.set("Via", sent_by)
            self.data = bytes(self.request)
            self._send()
        elif self.state in ("calling", "proceeding"):
            self.abandon()
            self._on_failure("unreachable")

    def flow_lost(self) -> None:
        """Once more on a new connection: who saw it knows its branch (5923, section 6)."""
        if self.state in ("calling", "proceeding"):
            self.hop = self.hop._replace(flow=None)
            self._core.send(self.hop, self.data)

    def abandon(self) -> None:
        """Answers to it are no longer of interest."""
        self._cancel_timers()
        self.state = "terminated"
        self._registry.end_client(self)

    def _prefer_stream(self) -> None:
        settings = self._core.settings
        is_long = len(self.data) > settings.largest_datagram
        if is_long and self.hop.transport == "udp" and "tcp" in settings.contacts:
            self._as_datagram = self.request.headers["Via"], self.hop
            self.request.headers.set("Via", via(self._core, "tcp", self.branch))
            self.data = bytes(self.request)
            self.hop = Hop(None, "tcp", self.hop.destination)

    def _send(self) -> None:
        self._core.send(self.hop, self.data)
        if not self.hop.reliable:
            self._again = self._core.after(self._wait, self._send)
            limit = self._core.timers.t2
            self._wait = limit if self.state == "proceeding" else min(2 * self._wait, limit)

    def _timed_out(self) -> None:
        self.abandon()
        self._on_failure("timeout")

    def _end_in(self, delay: float) -> None:
        self._cancel_timers()
        self.state = "completed"
        if delay:
            self._timeout = self._core.after(delay, self.abandon)
        else:
            self.abandon()

    def _cancel_timers(self) -> None:
        for timer in (self._again, self._timeout):
            if timer is not None:
                timer.cancel()
        self._again = self._timeout = None


class ClientInvite(ClientTransaction):
    """INVITE: timers A, B, D and M; it ACKs refusals itself, 2xx are ACKed by the dialog."""

    _ack: bytes = b""
    _cancelled = False
    _cancel_headers: dict[str, str] | None = None

    def received(self, response: Response) -> None:
        if response.flow.reliable:
            self.hop = Hop.back(response.flow)
        if response.code < 200:
            self._provisional(response)
        elif response.code < 300:
            self._success(response)
        elif self.state in ("calling", "proceeding"):
            self._ack = self._make_ack(response)
            self._core.send(self.hop, self._ack)
            self._end_in(0 if self.hop.reliable else self._core.timers.timeout)
            self._on_response(response)
        elif self.state == "completed":
            self._core.send(self.hop, self._ack)

    def cancel(self, headers: dict[str, str] | None = None) -> None:
        """CANCEL, as soon as there is a provisional answer (9.1)."""
        if self._cancelled or self.state not in ("calling", "proceeding"):
            return
        self._cancelled = True
        self._cancel_headers = headers
        if self.state == "calling" and self._again is not None:
            self._again.cancel()  # who has not heard of the call need not
        if self.state == "proceeding":
            self._send_cancel()

    def flow_lost(self) -> None:
        """A first INVITE never goes out a second time: a carrier that had it might ring twice."""
        if "tag=" in self.request.headers["To"].rpartition(">")[2]:
            super().flow_lost()
        else:
            self.hop = self.hop._replace(flow=None)

    def _provisional(self, response: Response) -> None:
        if self.state not in ("calling", "proceeding"):
            return
        if self.state == "calling":
            self._cancel_timers()
            self.state = "proceeding"
            if self._cancelled:
                self._send_cancel()
        self._on_response(response)

    def _success(self, response: Response) -> None:
        if self.state in ("calling", "proceeding"):
            self._cancel_timers()
            self.state = "accepted"
            self._timeout = self._core.after(self._core.timers.timeout, self.abandon)
        if self.state == "accepted":
            self._on_response(response)

    def _send(self) -> None:
        self._core.send(self.hop, self.data)
        if not self.hop.reliable:
            self._again = self._core.after(self._wait, self._send)
            self._wait *= 2

    def _send_cancel(self) -> None:
        cancel = self._companion("CANCEL", self.request.headers["To"])
        for name, value in (self._cancel_headers or {}).items():
            cancel.headers.set(name, value)
        ClientTransaction(
            self._core, self._registry, cancel, self.hop, lambda response: None, lambda kind: None
        )
        # A CANCEL may be lost on a server of RFC 2543: no final answer after 64*T1 is none (9.1).
        self._timeout = self._core.after(self._core.timers.timeout, self._timed_out)

    def _make_ack(self, response: Response) -> bytes:
        return bytes(self._companion("ACK", response.headers["To"]))

    def _companion(self, method: str, to: str) -> Request:
        """ACK of a refusal (17.1.1.3) or CANCEL (9.1): the INVITE's Via, URI, Route and CSeq."""
        made, headers = Request(method, self.request.target), self.request.headers
        made.headers.set("Via", headers["Via"])
        made.headers.set("Max-Forwards", "70")
        made.headers.set("From", headers["From"])
        made.headers.set("To", to)
        made.headers.set("Call-ID", headers["Call-ID"])
        made.headers.set("CSeq", f"{headers['CSeq'].split()[0]} {method}")
        if routes := headers.getlist("Route"):
            made.headers.setlist("Route", routes)
        return made
