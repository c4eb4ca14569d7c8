"""Where we listen, which address we tell a peer, and the peers that could not use it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from enum import IntEnum
from typing import Self, cast

from bridge.sip.flow import Transport

_TRANSPORTS = ("udp", "tcp", "tls")
# Never sent to: connecting a datagram socket only asks the routing table (RFC 5737, RFC 3849).
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressError(ValueError):
    """An address that the peer could not send anything to."""


@dataclass(frozen=True, slots=True)
class Listen:
    """One place to listen: `tcp://127.0.0.1:5060`. Port 0: any free one."""

    transport: Transport
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        transport, mark, rest = text.strip().partition("://")
        host, colon, port = rest.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not mark or not colon or transport not in _TRANSPORTS:
            raise ValueError(f"{text!r} is not written as udp://, tcp:// or tls:// and host:port.")
        parse_ip(host)
        if not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} has no port from 0 to 65535.")
        return cls(cast(Transport, transport), host, int(port))

    def __str__(self) -> str:
        return f"{self.transport}://{in_uri(self.host)}:{self.port}"


class Reach(IntEnum):
    """From how far away an address can be reached."""

    MACHINE = 0
    LINK = 1
    SITE = 2
    WORLD = 3


def parse_ip(text: str) -> IpAddress:
    """Raises ValueError with a sentence."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address.") from None


def in_uri(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def reach_of(host: str) -> Reach:
    address = parse_ip(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return Reach.MACHINE
    if address.is_link_local:
        return Reach.LINK
    # Not `is_private`: RFC 6598's shared addresses are neither private nor global.
    return Reach.WORLD if address.is_global else Reach.SITE


def check_offered(ours: str, peer: str) -> None:
    """Raises AddressError when media or requests that `peer` sends to `ours` would be lost."""
    mine, theirs = parse_ip(ours), parse_ip(peer)
    if mine.version != theirs.version:
        raise AddressError(
            f"{peer} speaks IPv{theirs.version} and our address {ours} is IPv{mine.version}: "
            "set BRIDGE_LISTEN and BRIDGE_ADVERTISED_IP to addresses of its kind."
        )
    if mine.is_unspecified or reach_of(ours) < reach_of(peer):
        raise AddressError(
            f"Our address {ours} cannot be reached from {peer}: set BRIDGE_ADVERTISED_IP to "
            "the address that this machine has there."
        )


def own_address(listening: str, peer: str | None = None) -> str:
    """The address that others use for us, when we listen on `listening`.

    A socket on every interface (0.0.0.0) has the address from which this machine would
    send to `peer`, or to the internet.
    """
    address = parse_ip(listening)
    if not address.is_unspecified:
        return listening
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return source_towards(peer or _ELSEWHERE[family]) or ("127.0.0.1" if family == 2 else "::1")


def source_towards(peer: str) -> str | None:
    """Our end of the route to `peer`; None without a route. Sends nothing."""
    family = socket.AF_INET if parse_ip(peer).version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
