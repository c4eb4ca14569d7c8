"""A far side that says exactly what a test wants it to, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from bridge.sip import (
    Address,
    Call,
    Ended,
    Event,
    Flow,
    Ids,
    IncomingCall,
    Outgoing,
    Transport,
    UserAgent,
    UserAgentSettings,
)
from tests.bridge.sip.network import ANSWER, OFFER, brief, header, headers

US = Address("192.0.2.1", 5060)
THEM = Address("192.0.2.2", 5060)

E = TypeVar("E", bound=Event)


def settings(transport: Transport = "udp", **given: object) -> UserAgentSettings:
    return UserAgentSettings({transport: US}, **given)  # type: ignore[arg-type]


def response(
    request: str,
    status: int,
    phrase: str = "X",
    *,
    tag: str = "them",
    contact: str = "<sip:them@192.0.2.2:5060>",
    body: str = "",
    more: Mapping[str, str] | None = None,
) -> str:
    """An answer to a request of ours."""
    lines = [f"SIP/2.0 {status} {phrase}"]
    lines += [f"Via: {value}" for name, value in headers(request) if name == "Via"]
    to = header(request, "To")
    if tag and "tag=" not in to and status > 100:
        to += f";tag={tag}"
    lines += [f"From: {header(request, 'From')}", f"To: {to}"]
    lines += [f"{name}: {header(request, name)}" for name in ("Call-ID", "CSeq")]
    if contact and 101 <= status < 300:
        lines.append(f"Contact: {contact}")
    lines += [f"{name}: {value}" for name, value in (more or {}).items()]
    if body:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


class Peer:
    def __init__(
        self, transport: Transport = "udp", given: UserAgentSettings | None = None
    ) -> None:
        self.now = 100.0
        self.ua = UserAgent(given or settings(transport), Ids(7))
        self.transport: Transport = transport
        self.flow = Flow(transport, US, THEM, 0 if transport == "udp" else 1)
        self.sent: list[str] = []
        self.out: list[Outgoing] = []
        self.seen: list[Event] = []
        self.times: list[float] = []
        self._cseq = 100

    def receive(self, message: str | bytes, flow: Flow | None = None) -> list[str]:
        """What the user agent sends on hearing this."""
        data = message if isinstance(message, bytes) else message.encode()
        self.ua.receive(data, flow or self.flow, self.now)
        return self.drain()

    def drain(self) -> list[str]:
        """All that it sends by now; events are taken too."""
        out = self.ua.outgoing()
        self.out += out
        fresh = [each.data.decode("utf-8", "surrogateescape") for each in out]
        self.sent += fresh
        self.times += [self.now] * len(fresh)
        self.seen += self.ua.events()
        return fresh

    def wait(self, seconds: float) -> list[str]:
        """What it sends meanwhile by itself."""
        until, fresh = self.now + seconds, []
        while (due := self.ua.deadline) is not None and due <= until:
            self.now = max(self.now, due)
            self.ua.advance(self.now)
            fresh += self.drain()
        self.now = until
        self.ua.advance(until)
        return fresh + self.drain()

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.seen if isinstance(event, kind)]

    def end(self) -> Ended:
        [end] = self.events(Ended)
        return end

    def starts(self) -> list[str]:
        return [brief(each) for each in self.sent]

    # Calls that the user agent makes.

    def dialled(self, offer: str | None = OFFER, **given: object) -> tuple[Call, str]:
        call = self.ua.invite(
            "sip:+911234567890@192.0.2.2",
            transport=self.transport,
            destination=THEM,
            from_="sip:alice@example.org",
            offer=offer,
            now=self.now,
            **given,  # type: ignore[arg-type]
        )
        return call, self.drain()[-1]

    def answered(self, **given: object) -> Call:
        """A call of theirs that is answered, as 200 with Contact and tag `them`."""
        call, invite = self.dialled()
        self.receive(response(invite, 200, body=ANSWER, **given))  # type: ignore[arg-type]
        return call

    def in_dialog(
        self,
        method: str,
        *,
        body: str = "",
        kind: str = "application/sdp",
        to_tag: str | None = None,
        from_tag: str = "them",
        cseq: int | None = None,
        branch: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """A request of theirs in the one dialog there is."""
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        [call] = self.ua.calls or (self.end().call,)
        local = call.local_tag if to_tag is None else to_tag
        return request(
            method,
            call_id=call.call_id,
            cseq=cseq,
            branch=branch or f"z9hG4bK{method}{cseq}",
            from_=f"<sip:them@example.net>;tag={from_tag}",
            to=f"<sip:us@example.org>;tag={local}",
            transport=self.transport,
            body=body,
            kind=kind,
            more=more,
        )

    # Calls that the user agent gets.

    def rung(self, offer: str = OFFER, more: Mapping[str, str] | None = None) -> Call:
        self.receive(invite(offer, transport=self.transport, more=more))
        return self.events(IncomingCall)[-1].call

    def ack(self, body: str = "", cseq: int = 1) -> str:
        return self.in_dialog("ACK", cseq=cseq, body=body, branch=f"z9hG4bKack{cseq}")


def request(
    method: str,
    *,
    call_id: str = "theirs",
    cseq: int = 1,
    branch: str = "z9hG4bKtheirs",
    from_: str = "<sip:them@example.net>;tag=them",
    to: str = "<sip:us@example.org>",
    target: str = "sip:us@192.0.2.1",
    transport: Transport = "udp",
    body: str = "",
    kind: str = "application/sdp",
    more: Mapping[str, str] | None = None,
) -> str:
    lines = [
        f"{method} {target} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} 192.0.2.2:5060;branch={branch}",
        f"From: {from_}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        "Contact: <sip:them@192.0.2.2:5060>",
        *(f"{name}: {value}" for name, value in (more or {}).items()),
    ]
    if body:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def invite(
    offer: str = OFFER,
    *,
    transport: Transport = "udp",
    more: Mapping[str, str] | None = None,
    branch: str = "z9hG4bKtheirs",
    target: str = "sip:us@192.0.2.1",
) -> str:
    return request(
        "INVITE", body=offer, transport=transport, more=more, branch=branch, target=target
    )
