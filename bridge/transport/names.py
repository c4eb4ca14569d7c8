"""Host names to addresses, remembered for a while."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

_REMEMBERED = 1000
_LIFETIME = 60.0
_PATIENCE = 3.0


class Names:
    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    def now(self, host: str) -> str | None:
        """The address of a literal, or of a name that is remembered; None: ask `look_up`."""
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            until, address = self._known.get(host, (0.0, ""))
            return address if asyncio.get_running_loop().time() < until else None

    async def look_up(self, host: str, *, like: str = "") -> str:
        """An address, of the family of `like` if there is one. Raises OSError with a sentence."""
        if (known := self.now(host)) is not None:
            return known
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise OSError(f"{host} was not found within {_PATIENCE:g} s") from None
        except (socket.gaierror, UnicodeError):
            raise OSError(f"{host} has no address") from None
        addresses = [str(each[4][0]) for each in found]
        alike = [each for each in addresses if (":" in each) == (":" in like)]
        address = (alike if like and alike else addresses)[0]
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[host] = (loop.time() + _LIFETIME, address)
        return address
