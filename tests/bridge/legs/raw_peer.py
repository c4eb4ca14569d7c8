"""A far side that says what a test has it say, right or wrong, over UDP or TCP."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bridge.sip import Address, Framer
from tests.bridge.transport.far_side import reset

TAG = "raw-tag"


@dataclass
class Heard:
    """One message as it came, and the way back."""

    data: bytes
    source: Address
    writer: asyncio.StreamWriter | None = None

    @property
    def first(self) -> str:
        return self.data.split(b"\r\n", 1)[0].decode()

    @property
    def body(self) -> str:
        return self.data.partition(b"\r\n\r\n")[2].decode()

    def header(self, name: str) -> str:
        found = re.search(rf"(?im)^{name}:[ \t]*(.*?)\r?$", self.data.decode())
        assert found is not None, f"no {name} in {self.first}"
        return found[1]

    def all(self, name: str) -> list[str]:
        return re.findall(rf"(?im)^{name}:[ \t]*.*?(?=\r?$)", self.data.decode())


@dataclass
class RawPeer:
    transport: str
    address: Address = field(default_factory=lambda: Address("127.0.0.1", 0))
    heard: list[Heard] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: int = 0
    _wire: asyncio.DatagramTransport | None = None

    @property
    def uri(self) -> str:
        return f"sip:bob@127.0.0.1:{self.address.port};transport={self.transport}"

    async def get(self, first: str, limit: float = 15.0) -> Heard:
        """The next message that begins so; others are passed over."""
        async with asyncio.timeout(limit):
            while True:
                while self._taken < len(self.heard):
                    self._taken += 1
                    if self.heard[self._taken - 1].first.startswith(first):
                        return self.heard[self._taken - 1]
                self._news.clear()
                await self._news.wait()

    def count(self, first: str) -> int:
        return sum(message.first.startswith(first) for message in self.heard)

    def reply(self, request: Heard, status: str, sdp: str = "", *, tag: str = TAG) -> None:
        """`status` as in `180 Ringing`; only 100 has no tag."""
        to = request.header("To")
        if not status.startswith("100") and "tag=" not in to:
            to += f";tag={tag}"
        lines = [
            f"SIP/2.0 {status}",
            *request.all("Via"),
            f"From: {request.header('From')}",
            f"To: {to}",
            f"Call-ID: {request.header('Call-ID')}",
            f"CSeq: {request.header('CSeq')}",
            f"Contact: <{self.uri}>",
        ]
        self.send(_message(lines, sdp), request)

    def request(
        self,
        method: str,
        invite: Heard,
        *,
        tag: str = TAG,
        their_tag: str | None = None,
        cseq: int = 1,
        extra: tuple[str, ...] = (),
        body: str = "",
    ) -> bytes:
        """In the dialog of their INVITE, as its callee."""
        ours = re.sub(r";tag=.*", "", invite.header("To"))
        theirs = invite.header("From")
        if their_tag is not None:
            theirs = re.sub(r";tag=.*", f";tag={their_tag}", theirs)
        contact = re.search(r"<(.*?)>", invite.header("Contact"))
        assert contact is not None
        lines = [
            f"{method} {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} 127.0.0.1:{self.address.port}"
            f";branch=z9hG4bK-raw-{method}-{cseq}-{tag}",
            f"From: {ours};tag={tag}",
            f"To: {theirs}",
            f"Call-ID: {invite.header('Call-ID')}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            f"Contact: <{self.uri}>",
            *extra,
        ]
        return _message(lines, body)

    def call(self, to: Address, body: str = "", source: str = "127.0.0.1") -> bytes:
        """An INVITE of ours; what comes back has its To tag."""
        lines = [
            f"INVITE sip:alice@{to} SIP/2.0",
            f"Via: SIP/2.0/UDP {source}:{self.address.port};branch=z9hG4bK-raw-invite;rport",
            f"From: <sip:bob@{source}>;tag={TAG}",
            f"To: <sip:alice@{to}>",
            "Call-ID: raw-call",
            "CSeq: 1 INVITE",
            "Max-Forwards: 70",
            f"Contact: <{self.uri}>",
        ]
        return _message(lines, body)

    def ack(self, ok: Heard, body: str = "") -> bytes:
        contact = re.search(r"<(.*?)>", ok.header("Contact"))
        assert contact is not None
        lines = [
            f"ACK {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.address.port};branch=z9hG4bK-raw-ack",
            f"From: {ok.header('From')}",
            f"To: {ok.header('To')}",
            f"Call-ID: {ok.header('Call-ID')}",
            "CSeq: 1 ACK",
            "Max-Forwards: 70",
        ]
        return _message(lines, body)

    def send(self, data: bytes, to: Heard) -> None:
        if to.writer is not None:
            to.writer.write(data)
        else:
            assert self._wire is not None
            self._wire.sendto(data, to.source)

    def take(self, message: Heard) -> None:
        self.heard.append(message)
        self._news.set()


def sdp(port: int = 9, *, formats: str = "0 101", more: str = "") -> str:
    """PCMU and telephone events at 127.0.0.1, unless told otherwise."""
    names = {"0": "PCMU/8000", "101": "telephone-event/8000", "18": "G729/8000"}
    maps = "".join(f"a=rtpmap:{each} {names[each]}\r\n" for each in formats.split())
    return (
        "v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {formats}\r\n{maps}{more}"
    )


@asynccontextmanager
async def raw_peer(transport: str = "udp") -> AsyncIterator[RawPeer]:
    peer = RawPeer(transport)
    if transport == "udp":
        async with _datagrams(peer):
            yield peer
        return
    writers: list[asyncio.StreamWriter] = []

    async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        framer = Framer()
        try:
            while data := await reader.read(65536):
                for item in framer.feed(data, 0.0):
                    if isinstance(item, bytes):
                        source = Address(*writer.get_extra_info("peername"))
                        peer.take(Heard(item, source, writer))
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(_connected, "127.0.0.1", 0)
    peer.address = Address(*server.sockets[0].getsockname())
    try:
        yield peer
    finally:
        server.close()
        for writer in writers:
            if not writer.is_closing():
                reset(writer)


@asynccontextmanager
async def _datagrams(peer: RawPeer) -> AsyncIterator[None]:
    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            peer.take(Heard(data, Address(*address)))

    wire, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Protocol, local_addr=("127.0.0.1", 0)
    )
    peer.address = Address(*wire.get_extra_info("sockname"))
    peer._wire = wire
    try:
        yield
    finally:
        wire.close()
        await asyncio.sleep(0)


def spoof(data: bytes, to: Address, source: str) -> None:
    """A datagram from another address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((source, 0))
        wire.sendto(data, to)


def _message(lines: list[str], body: str) -> bytes:
    if body:
        lines = [*lines, "Content-Type: application/sdp"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()
