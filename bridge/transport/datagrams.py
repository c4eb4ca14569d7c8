"""One UDP socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from bridge.sip.flow import Address, Flow

# Handsets behind a NAT send blank lines or zero bytes to keep their binding.
_BLANK = frozenset(b"\r\n\0 ")


class DatagramSocket(asyncio.DatagramProtocol):
    def __init__(self, on_message: Callable[[bytes, Flow], None]) -> None:
        self._on_message = on_message
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.DatagramTransport, transport)
        self.local = Address(*transport.get_extra_info("sockname")[:2])

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        if not _BLANK.issuperset(data[:4]):
            self._on_message(data, Flow("udp", self.local, Address(*address[:2])))

    def send(self, data: bytes, to: Address) -> bool:
        if self._wire.is_closing():
            return False
        self._wire.sendto(data, (to.host, to.port))
        return True

    def error_received(self, error: Exception) -> None:
        """An ICMP error tells nothing that a timer would not; it may be forged."""

    def connection_lost(self, error: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    async def aclose(self) -> None:
        self._wire.close()
        await self._closed
