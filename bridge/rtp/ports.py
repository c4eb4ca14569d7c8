"""Pairs of UDP ports for media: even for RTP, the odd one above for RTCP (RFC 3550 section 11)."""

from __future__ import annotations

import errno
import random
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

_EXPEDITED = 0xB8  # DSCP EF (RFC 3246), as IP_TOS
_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


class PortsExhausted(RuntimeError):
    """Every pair of the range is in use, resting, or another program's. One sentence."""


@dataclass(frozen=True, slots=True)
class PortPair:
    """Two bound, non-blocking sockets."""

    port: int  # of the RTP
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class PortRange:
    """Hands out pairs in turn. A pair that was given back rests, so that what is still on its way
    to a call that ended is not heard in the next one."""

    def __init__(
        self,
        first: int,
        last: int,
        *,
        rest: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ports from `first` to `last`, both included; `rest` in seconds. Raises ValueError."""
        if not 1 <= first <= last <= 65535:
            raise ValueError(f"{first}-{last} is no range of ports.")
        self.first, self.last = first, last
        self._pairs = range(first + first % 2, last, 2)
        if not self._pairs:
            raise ValueError(f"The range {first}-{last} holds no pair of an even and an odd port.")
        self._rest = rest
        self._clock = clock
        self._used: set[int] = set()
        self._resting: dict[int, float] = {}
        self._next = random.randrange(len(self._pairs))  # neighbours in time are not in ports

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """`10000-40000`. Raises ValueError."""
        found = _RANGE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text[:40]!r} is no range of ports, like 10000-40000.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def in_use(self) -> int:
        """Pairs."""
        return len(self._used)

    def take(self, host: str) -> PortPair:
        """Bound to `host`, an IP address. Raises PortsExhausted, or OSError for a bad `host`."""
        now = self._clock()
        foreign = 0
        for step in range(len(self._pairs)):
            index = (self._next + step) % len(self._pairs)
            port = self._pairs[index]
            if port in self._used or self._is_resting(port, now):
                continue
            pair = _bound(host, port)
            if pair is not None:
                self._used.add(port)
                self._next = index + 1
                return pair
            foreign += 1
        raise PortsExhausted(
            f"No pair of UDP ports is free in {self}: {len(self._used)} in use, "
            f"{len(self._resting)} resting after a call, {foreign} taken by other programs."
        )

    def give_back(self, port: int) -> None:
        """The pair's RTP port, its sockets being closed. Giving back twice does nothing."""
        if port in self._used:
            self._used.remove(port)
            self._resting[port] = self._clock() + self._rest

    def _is_resting(self, port: int, now: float) -> bool:
        until = self._resting.get(port)
        if until is None or now < until:
            return until is not None
        del self._resting[port]
        return False


def _bound(host: str, port: int) -> PortPair | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    try:
        for number in (port, port + 1):
            bound = socket.socket(family, socket.SOCK_DGRAM)
            sockets.append(bound)
            bound.setblocking(False)
            bound.bind((host, number))
            if family == socket.AF_INET:
                bound.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
    except OSError as error:
        for opened in sockets:
            opened.close()
        if error.errno in _TAKEN:
            return None
        raise
    return PortPair(port, sockets[0], sockets[1])
