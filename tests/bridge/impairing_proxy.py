"""A UDP relay between two sides that loses, delays, reorders and repeats what goes through it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

Address = tuple[str, int]
Rewrite = Callable[[bytes], list[bytes]]
"""A datagram becomes these: another source number, other packet lengths, nothing ..."""


@dataclass(slots=True)
class Impairment:
    """Of one direction; shares are 0 to 1, times seconds."""

    loss: float = 0.0
    duplication: float = 0.0
    jitter: float = 0.0  # each datagram is up to so much late, and may be overtaken
    stalled: bool = False  # nothing goes through
    rewrite: Rewrite | None = None


class ImpairingProxy:
    """Datagrams from `left` go to `right` and the other way round, each side seeing the proxy's
    address as the other one: `at_left` is where `left` sends to."""

    def __init__(self, left: Address, right: Address, *, seed: int = 1) -> None:
        self.to_right = Impairment()
        self.to_left = Impairment()
        self.passed = 0
        self._chance = random.Random(seed)
        self._left, self._right = left, right
        self._ends: list[_End] = []

    async def __aenter__(self) -> ImpairingProxy:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            _, end = await loop.create_datagram_endpoint(_End, local_addr=("127.0.0.1", 0))
            self._ends.append(end)
        at_left, at_right = self._ends
        at_left.take = lambda data: self._pass(data, self.to_right, at_right, self._right)
        at_right.take = lambda data: self._pass(data, self.to_left, at_left, self._left)
        return self

    async def __aexit__(self, *_: object) -> None:
        for end in self._ends:
            end.transport.close()

    @property
    def at_left(self) -> Address:
        return self._ends[0].address

    @property
    def at_right(self) -> Address:
        return self._ends[1].address

    def _pass(self, data: bytes, how: Impairment, end: _End, to: Address) -> None:
        for piece in how.rewrite(data) if how.rewrite else [data]:
            if how.stalled or self._chance.random() < how.loss:
                continue
            for _ in range(1 + (self._chance.random() < how.duplication)):
                self.passed += 1
                delay = self._chance.random() * how.jitter
                asyncio.get_running_loop().call_later(delay, end.send, piece, to)


class _End(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport
    take: Callable[[bytes], None]

    @property
    def address(self) -> Address:
        return cast(Address, self.transport.get_extra_info("sockname"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.take(data)

    def send(self, data: bytes, to: Address) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(data, to)
