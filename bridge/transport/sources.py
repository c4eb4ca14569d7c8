"""Whose SIP is heard: the carriers' networks, by trunk, and whom we have called ourselves."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable

from bridge.addresses import parse_ip

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ANYONE = ""
"""The trunk of a source that no entry names, while no list was given."""


class Sources:
    """An allow-list of `network` and `trunk=network` entries; an empty one lets everybody in.

    A spoofed datagram or a stranger's connection gets nothing from us, not even a refusal.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[tuple[str, _Network]] = []
        for entry in entries:
            trunk, mark, network = entry.rpartition("=")
            known = ipaddress.ip_network(network.strip(), strict=False)
            self._networks.append((trunk.strip() if mark else ANYONE, known))
        self._called: Counter[str] = Counter()

    def trunk_of(self, host: str) -> str | None:
        """The name of the trunk that this source belongs to; None: it is not to be heard."""
        if not self._networks:
            return ANYONE
        address = parse_ip(host)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        for trunk, network in self._networks:
            if address.version == network.version and address in network:
                return trunk
        return ANYONE if self._called[str(address)] else None

    def called(self, host: str) -> None:
        """Whom we call may answer, for as long as the call lasts."""
        self._called[host] += 1

    def call_over(self, host: str) -> None:
        self._called[host] -= 1
        if self._called[host] <= 0:
            del self._called[host]
