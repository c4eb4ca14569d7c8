"""Two user agents and the network between them, on virtual time: nothing here waits."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from bridge.sip import (
    Address,
    Call,
    Credentials,
    Ended,
    Event,
    Flow,
    Framer,
    Ids,
    IncomingCall,
    Outgoing,
    Transport,
    UserAgent,
    UserAgentSettings,
)

LATENCY = 0.02
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8\r\n"
)
ANSWER = OFFER.replace("192.0.2.1", "192.0.2.2")

E = TypeVar("E", bound=Event)
Carriage = Callable[["Side", bytes], Sequence[float]]
"""Delays of the copies of a message that arrive; none: it is lost."""


def punctual(sender: Side, data: bytes) -> Sequence[float]:
    return (LATENCY,)


class Side:
    def __init__(self, name: str, host: str, settings: UserAgentSettings, seed: int) -> None:
        self.name = name
        self.address = Address(host, 5060)
        self.ua = UserAgent(settings, Ids(seed))
        self.seen: list[Event] = []
        self.sent: list[str] = []
        self.on_event: Callable[[Event, float], None] = lambda event, now: None

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.seen if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        return self.events(kind)[-1]

    @property
    def call(self) -> Call:
        return self.last(IncomingCall).call

    def ends(self) -> list[Ended]:
        return self.events(Ended)

    def starts(self) -> list[str]:
        """First lines of what was sent: `INVITE`, `200 INVITE`."""
        return [brief(each) for each in self.sent]


def brief(message: str) -> str:
    first = message.partition("\r\n")[0].split(" ")
    if first[0] != "SIP/2.0":
        return first[0]
    cseq = next(line for line in message.split("\r\n") if line.startswith("CSeq:"))
    return f"{first[1]} {cseq.split()[2]}"


def header(message: str, name: str) -> str:
    found = [each for each in headers(message) if each[0].lower() == name.lower()]
    return found[0][1] if found else ""


def headers(message: str) -> list[tuple[str, str]]:
    lines = message.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return [(line.partition(":")[0], line.partition(":")[2].strip()) for line in lines]


class Network:
    """`alice` calls, `bob` is called; over UDP, or over TCP with connections that can be cut."""

    def __init__(
        self,
        transport: Transport = "udp",
        *,
        alice: UserAgentSettings | None = None,
        bob: UserAgentSettings | None = None,
        seed: int = 1,
    ) -> None:
        self.now = 100.0
        self.transport: Transport = transport
        self.carriage: Carriage = punctual
        self.reachable = True
        self.alice = self._side("alice", "192.0.2.1", alice, seed)
        self.bob = self._side("bob", "192.0.2.2", bob, seed + 1)
        self.sides = (self.alice, self.bob)
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._flying: list[tuple[float, int, Side, bytes, Flow]] = []
        self._connections: dict[Flow, tuple[Side, Flow, Framer]] = {}
        """By the sender's flow: who gets it, as which flow, through which framer."""

    def _side(self, name: str, host: str, given: UserAgentSettings | None, seed: int) -> Side:
        address = Address(host, 5060)
        contacts = {self.transport: address}
        settings = (
            UserAgentSettings(contacts) if given is None else replace(given, contacts=contacts)
        )
        return Side(name, host, settings, seed)

    def dial(
        self,
        offer: str | None = OFFER,
        credentials: Credentials | None = None,
        ringing_timeout: float | None = None,
    ) -> Call:
        call = self.alice.ua.invite(
            f"sip:+911234567890@{self.bob.address}",
            transport=self.transport,
            destination=self.bob.address,
            from_='"Alice" <sip:alice@example.org>',
            offer=offer,
            credentials=credentials,
            ringing_timeout=ringing_timeout,
            now=self.now,
        )
        self.pump()
        return call

    def answered_call(self) -> tuple[Call, Call]:
        """Both sides of a call that is answered and confirmed."""
        ours = self.dial()
        self.run(0.1)
        self.bob.call.accept(ANSWER, self.now)
        self.run(0.2)
        return ours, self.bob.call

    def run(self, seconds: float) -> None:
        """Lets that much time pass."""
        until = self.now + seconds
        while True:
            self.pump()
            due = [side.ua.deadline for side in self.sides]
            times = [each for each in due if each is not None]
            if self._flying:
                times.append(self._flying[0][0])
            if not times or min(times) > until:
                break
            self.now = max(self.now, min(times))
            self._deliver()
            for side in self.sides:
                side.ua.advance(self.now)
        self.now = until
        for side in self.sides:
            side.ua.advance(self.now)
        self.pump()

    def pump(self) -> None:
        """Sends what waits, and tells events, until there is neither."""
        busy = True
        while busy:
            busy = False
            for side in self.sides:
                for outgoing in side.ua.outgoing():
                    busy = True
                    side.sent.append(outgoing.data.decode())
                    self._send(side, outgoing)
                for event in side.ua.events():
                    busy = True
                    side.seen.append(event)
                    side.on_event(event, self.now)

    def cut(self) -> None:
        """Every connection is reset; what flies in them is lost."""
        flows, self._connections = list(self._connections), {}
        self._flying = [each for each in self._flying if each[4].transport == "udp"]
        for flow in flows:
            side = self.alice if flow.local.host == self.alice.address.host else self.bob
            side.ua.flow_lost(flow, self.now)
        self.pump()

    def _deliver(self) -> None:
        while self._flying and self._flying[0][0] <= self.now:
            _, _, side, data, flow = heapq.heappop(self._flying)
            side.ua.receive(data, flow, self.now)
            self.pump()

    def _send(self, side: Side, outgoing: Outgoing) -> None:
        other = self.bob if side is self.alice else self.alice
        flow = outgoing.flow
        if outgoing.transport == "udp":
            if outgoing.destination == other.address:
                self._fly(side, other, outgoing.data, Flow("udp", other.address, side.address))
            return
        if flow is None or flow not in self._connections:
            flow = self._connect(side, other, outgoing) if flow is None else None
        if flow is None:
            side.ua.unreachable(outgoing, self.now)
            return
        receiver, theirs, framer = self._connections[flow]
        for message in framer.feed(outgoing.data, self.now):
            assert isinstance(message, bytes)
            self._fly(side, receiver, message, theirs)

    def _connect(self, side: Side, other: Side, outgoing: Outgoing) -> Flow | None:
        for flow in self._connections:
            if flow.local.host == side.address.host and flow.remote == outgoing.destination:
                return flow
        if outgoing.destination != other.address or not self.reachable:
            return None
        number = next(self._numbers)
        source = Address(side.address.host, 40000 + number)
        ours = Flow(self.transport, source, other.address, number)
        theirs = Flow(self.transport, other.address, source, number)
        self._connections[ours] = other, theirs, Framer()
        self._connections[theirs] = side, ours, Framer()
        return ours

    def _fly(self, sender: Side, receiver: Side, data: bytes, flow: Flow) -> None:
        for delay in self.carriage(sender, data):
            heapq.heappush(
                self._flying, (self.now + delay, next(self._order), receiver, data, flow)
            )
