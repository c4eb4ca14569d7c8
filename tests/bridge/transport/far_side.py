"""Whoever speaks over the sockets, and peers on raw sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.addresses import Listen
from bridge.sip import Address, Flow, Outgoing
from bridge.transport import Transports

HELLO = b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n"
REPLY = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


class Heard:
    """Remembers what the sockets told."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Flow]] = []
        self.lost_flows: list[Flow] = []
        self.failures: list[tuple[Outgoing, str]] = []
        self.sent_messages: list[tuple[bytes, Flow]] = []

    def received(self, data: bytes, flow: Flow) -> None:
        self.messages.append((data, flow))

    def sent(self, data: bytes, flow: Flow) -> None:
        self.sent_messages.append((data, flow))

    def lost(self, flow: Flow) -> None:
        self.lost_flows.append(flow)

    def unreachable(self, outgoing: Outgoing, why: str) -> None:
        self.failures.append((outgoing, why))


async def soon(condition: Callable[[], object], limit: float = 10.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(
    *places: str, **options: Any
) -> AsyncIterator[tuple[Transports, Heard, list[Address]]]:
    heard = Heard()
    transports = Transports(heard, **options)
    try:
        found = [await transports.listen(Listen.parse(place)) for place in places]
        yield transports, heard, [Address(each.host, each.port) for each in found]
    finally:
        await transports.aclose()


def to(transport: Any, address: Address, data: bytes = HELLO, flow: Flow | None = None) -> Outgoing:
    return Outgoing(flow, transport, address, data)


def reset(writer: asyncio.StreamWriter) -> None:
    """A connection that ends by RST, without a farewell."""
    wire = writer.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
