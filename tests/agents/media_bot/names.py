"""A resolver of the test's own: what names lead to, and how often that was asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult


class Names(AbstractResolver):
    def __init__(self, **names: Sequence[str]) -> None:
        """`rebinds=["93.184.215.14", "127.0.0.1"]`: `rebinds.example` has both addresses. Each
        further look-up begins one address later."""
        self._names = {name.replace("_", "-"): addresses for name, addresses in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        later = self.asked.count(host)
        self.asked.append(host)
        addresses = self._names.get(host.removesuffix(".").removesuffix(".example"), ())[later:]
        if not addresses:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass
