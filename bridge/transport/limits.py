"""How much of us strangers may take, before anything is allocated for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds and bytes; the sizes of messages are the framer's limits."""

    per_address: int = 50
    together: int = 1000
    first_message: float = 5.0
    """From the connection to its first whole message; later ones have as long from their start."""
    written_ahead: int = 256 * 1024
    """Bytes that a peer may leave unread before it is cut off."""
    connecting: float = 5.0
    ping_every: float = 30.0
    """RFC 5626 section 4.4.1 has 95 to 120 s; many a NAT forgets a connection within a minute."""
    pong_within: float = 10.0
    waiting_to_connect: int = 64
    """Messages to one destination while its connection is being opened."""


@dataclass(slots=True)
class Counters:
    """What was refused or lost without a message of ours telling about it."""

    strangers: int = 0
    too_many_connections: int = 0
    too_slow: int = 0
    bad_framing: int = 0
    unread: int = 0
    connections_lost: int = 0
    connects_failed: int = 0
    unsendable: int = 0


@dataclass(slots=True)
class OpenConnections:
    """Connections that others opened, by their address."""

    limits: ConnectionLimits
    _by_address: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return self._by_address.total()

    def admit(self, host: str) -> bool:
        if len(self) >= self.limits.together or self._by_address[host] >= self.limits.per_address:
            return False
        self._by_address[host] += 1
        return True

    def left(self, host: str) -> None:
        self._by_address[host] -= 1
        if self._by_address[host] <= 0:
            del self._by_address[host]
