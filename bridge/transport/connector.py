"""Connections that we open, one for each destination, and what waits for them."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.sip.flow import Address, Outgoing, Transport
from bridge.transport.connection import Connection
from bridge.transport.limits import ConnectionLimits, Counters
from bridge.transport.upper import Upper

_NAMES = 1000

_Destination = tuple[Transport, Address]


@dataclass(slots=True)
class _Attempt:
    task: asyncio.Task[None]
    waiting: list[Outgoing] = field(default_factory=list)


class Connector:
    """`make` gives a new connection; `tls` what we demand of a peer's certificate."""

    def __init__(
        self,
        upper: Upper,
        limits: ConnectionLimits,
        counters: Counters,
        *,
        make: Callable[[Transport], Connection],
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self._upper = upper
        self._limits = limits
        self._counters = counters
        self._make = make
        self._tls = tls
        self._attempts: dict[_Destination, _Attempt] = {}
        self._open: dict[_Destination, Connection] = {}
        self._names: dict[Address, str] = {}
        self.local_host: str | None = None
        """Where connections start from; a carrier's allow-list may have only this address."""

    def is_called(self, address: Address, name: str) -> None:
        """The name in the URI that led to this address: what its certificate must hold."""
        self._names.pop(address, None)
        self._names[address] = name
        if len(self._names) > _NAMES:
            del self._names[next(iter(self._names))]

    def send(self, outgoing: Outgoing) -> None:
        destination = (outgoing.transport, outgoing.destination)
        known = self._open.get(destination)
        if known is not None and known.send(outgoing.data):
            return
        attempt = self._attempts.get(destination)
        if attempt is None:
            task = asyncio.create_task(self._connect(destination), name=f"connect {destination}")
            attempt = self._attempts[destination] = _Attempt(task)
        if len(attempt.waiting) < self._limits.waiting_to_connect:
            attempt.waiting.append(outgoing)
        else:
            self._counters.unsendable += 1
            self._upper.unreachable(outgoing, "too much waits for a connection there")

    def forget(self, connection: Connection) -> None:
        for destination in [key for key, value in self._open.items() if value is connection]:
            del self._open[destination]

    async def aclose(self) -> None:
        tasks = [attempt.task for attempt in self._attempts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self, destination: _Destination) -> None:
        connection = self._make(destination[0])
        why = await self._try(destination, connection)
        # From here to the end nothing waits: what is sent meanwhile finds the connection.
        attempt = self._attempts.pop(destination)
        if connection.is_open:
            self._open[destination] = connection
            why = "the connection broke"
        else:
            self._counters.connects_failed += 1
        for outgoing in attempt.waiting:
            if not connection.send(outgoing.data):
                self._upper.unreachable(outgoing, why)

    async def _try(self, destination: _Destination, connection: Connection) -> str:
        """Why it did not come about, when it did not."""
        transport, address = destination
        secured = transport == "tls"
        try:
            async with asyncio.timeout(self._limits.connecting):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    address.host,
                    address.port,
                    ssl=self._tls() if secured else None,
                    server_hostname=self._names.get(address, address.host) if secured else None,
                    local_addr=(self.local_host, 0) if self.local_host else None,
                )
        except TimeoutError:
            return f"no connection within {self._limits.connecting:g} s"
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not to be believed: {error.verify_message}"
        except ssl.SSLError as error:
            return f"TLS failed: {error.reason or 'unknown'}".lower().replace("_", " ")
        except OSError as error:
            return os.strerror(error.errno).lower() if error.errno else type(error).__name__
        return "the connection was closed at once"
