"""Who may call, and how often: as Exotel has it, by address and by the minute."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Iterable

_MINUTE = 60.0


class Gate:
    def __init__(self, networks: Iterable[str], calls_per_minute: int) -> None:
        self._networks = [ipaddress.ip_network(each, strict=False) for each in networks]
        self._calls_per_minute = calls_per_minute
        self._recent: deque[float] = deque()

    def refusal(self, host: str, now: float) -> tuple[int, str] | None:
        """Status and phrase for a call from this address; None: it is let in, and counted."""
        address = ipaddress.ip_address(host)
        if not any(address in network for network in self._networks):
            return 403, "Forbidden: Address Not Allowed"
        while self._recent and now - self._recent[0] >= _MINUTE:
            self._recent.popleft()
        if len(self._recent) >= self._calls_per_minute:
            return 503, "Too Many Calls A Minute"
        self._recent.append(now)
        return None
