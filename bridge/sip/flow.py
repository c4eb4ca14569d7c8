"""Where bytes come from and go to. The only thing that signalling knows of the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Transport = Literal["udp", "tcp", "tls"]

DEFAULT_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
"""RFC 3261 section 19.1.2."""


class Address(NamedTuple):
    """Host (a name or a literal without brackets) and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Flow:
    """One way for bytes: a UDP socket and a peer, or one TCP or TLS connection (RFC 5626)."""

    transport: Transport
    local: Address
    remote: Address
    connection: int = 0
    """Number of the connection, never used twice; 0 for datagrams."""

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to send, whole.

    With a flow it goes there. Without one the transport opens a connection to `destination` (or
    takes one that it opened there before), and says `UserAgent.unreachable` when it cannot.
    """

    flow: Flow | None
    transport: Transport
    destination: Address
    data: bytes
