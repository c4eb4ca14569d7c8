"""Where addresses may lead that tenants wrote down, of assistants' HTTP tools, of media and of
webhooks: to public addresses, and into networks that the operator names.

Looked at twice: the API refuses what is written plainly, whoever connects (engine/guarded_http.py)
whatever address a name turns out to have then. Else a tenant could ask our own database, or a
cloud's metadata.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# All that was ever given out; loopback, link-local, private and multicast lie outside.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@dataclass(frozen=True, slots=True)
class ToolTargets:
    private_networks: tuple[Network, ...] = ()

    def allow_address(self, address: str) -> bool:
        """Of a connection that is about to be made."""
        return self._allow(ip_address(address))

    def allow_host(self, host: str) -> bool:
        """As written in a URL. Of a name nothing is known before it is looked up."""
        name = host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return any(self._allow(address) for address in _LOOPBACK)
        address = _written_address(name)
        return address is None or self._allow(address)

    def _allow(self, address: Address) -> bool:
        meant = _reached_through(address)
        return _is_public(meant) or any(meant in network for network in self.private_networks)


def _written_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # `127.1`, `0x7f000001` and `2130706433` are no names: whoever looks them up gets 127.0.0.1.
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _reached_through(address: Address) -> Address:
    """The IPv4 address to which an IPv6 one is only the way."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    return address.is_global and not address.is_multicast
