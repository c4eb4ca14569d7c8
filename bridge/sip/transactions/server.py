"""Server transactions: a request of theirs and our answers to it (RFC 3261 17.2, RFC 6026)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from bridge.sip.core import Core, Timer
from bridge.sip.flow import Flow
from bridge.sip.ids import MAGIC_COOKIE
from bridge.sip.message import Request, Response
from bridge.sip.replies import reply, way_back, way_back_anew

State = Literal["proceeding", "completed", "accepted", "confirmed", "terminated"]
Key = tuple[str | int | None, ...]


def key_of(request: Request) -> Key:
    """17.2.3; an ACK finds its INVITE. Without the cookie it is matched as in RFC 2543."""
    via, head = request.head.via, request.head
    method = "INVITE" if request.method == "ACK" else request.method
    if via.branch.startswith(MAGIC_COOKIE) and len(via.branch) > len(MAGIC_COOKIE):
        return via.branch, via.host, via.port, method
    return request.target, head.from_tag, head.call_id, head.cseq, head.vias[0], method


class Registry(Protocol):
    def end_server(self, transaction: ServerTransaction) -> None: ...


class ServerTransaction:
    """Any request but INVITE and ACK: timer J. `proceeding` is the RFC's Trying too."""

    def __init__(self, core: Core, registry: Registry, request: Request) -> None:
        self.request = request
        self.key = key_of(request)
        self.state: State = "proceeding"
        self.status = 0
        """Of the last answer; 0: none yet."""
        self._core = core
        self._registry = registry
        self._hop = way_back(request)
        self._last = b""
        self._timers: list[Timer] = []

    @property
    def flow(self) -> Flow | None:
        return self._hop.flow

    @property
    def answered(self) -> bool:
        return self.status >= 200

    def respond(self, response: Response) -> None:
        """The first final answer counts; another one is not sent."""
        if self.answered:
            return
        self.status = response.code
        self._last = bytes(response)
        self._core.send(self._hop, self._last)
        if response.code >= 200:
            self._completed(response.code)

    def received(self, request: Request) -> None:
        """The request again: the last answer again, on the connection it now came on."""
        if request.flow.reliable:
            self._hop = way_back(request)
        if self._last:
            self._core.send(self._hop, self._last)

    def flow_lost(self) -> None:
        self._hop = way_back_anew(self.request)

    def _completed(self, status: int) -> None:
        self.state = "completed"
        self._end_in(0 if self._hop.reliable else self._core.timers.timeout)

    def _end_in(self, delay: float) -> None:
        self._cancel_timers()
        if delay:
            self._timers.append(self._core.after(delay, self.end))
        else:
            self.end()

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def end(self) -> None:
        self._cancel_timers()
        self.state = "terminated"
        self._registry.end_server(self)


class ServerInvite(ServerTransaction):
    """INVITE: 100 by itself, timers G, H, I and L. The call sends its 2xx again until the ACK."""

    def __init__(
        self,
        core: Core,
        registry: Registry,
        request: Request,
        on_cancel: Callable[[Request], None] | None = None,
    ) -> None:
        super().__init__(core, registry, request)
        self.on_cancel = on_cancel
        self.local_tag: str | None = None
        """Of the call that this INVITE begins: the answer to its CANCEL has the same (9.2)."""
        self._wait = core.timers.t1
        self._timers.append(core.after(core.timers.trying, self._trying))

    def respond(self, response: Response) -> None:
        if not self.answered:
            self._cancel_timers()
        super().respond(response)

    def again(self, data: bytes) -> None:
        """A 2xx once more, by the call (13.3.1.4)."""
        self._core.send(self._hop, data)

    def received(self, request: Request) -> None:
        if request.method == "ACK":
            if self.state == "completed":
                self.state = "confirmed"
                self._end_in(0 if self._hop.reliable else self._core.timers.t4)
            return
        if request.flow.reliable:
            self._hop = way_back(request)
        if self.state == "proceeding":
            if not self._last:
                self._trying()
            else:
                self._core.send(self._hop, self._last)
        elif self.state == "completed":
            self._core.send(self._hop, self._last)

    def _trying(self) -> None:
        if not self._last:
            self.respond(reply(self.request, 100, name=self._core.settings.name))

    def _completed(self, status: int) -> None:
        if status < 300:
            self.state = "accepted"
            self._end_in(self._core.timers.timeout)
            return
        self.state = "completed"
        self._end_in(self._core.timers.timeout)
        if not self._hop.reliable:
            self._timers.append(self._core.after(self._wait, self._refuse_again))

    def _refuse_again(self) -> None:
        self._core.send(self._hop, self._last)
        self._wait = min(2 * self._wait, self._core.timers.t2)
        self._timers.append(self._core.after(self._wait, self._refuse_again))
