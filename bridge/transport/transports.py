"""Every socket of signalling, and which of them a message takes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

from bridge.addresses import Listen, parse_ip
from bridge.sip.flow import Address, Flow, Outgoing, Transport
from bridge.transport.acceptor import Acceptor, Welcome
from bridge.transport.connection import Connection
from bridge.transport.connector import Connector
from bridge.transport.datagrams import DatagramSocket
from bridge.transport.limits import ConnectionLimits, Counters, OpenConnections
from bridge.transport.names import Names
from bridge.transport.sources import Sources
from bridge.transport.tls import TlsFiles
from bridge.transport.upper import Upper


class Transports:
    """`listen` and `send`; what comes in is told to `upper`."""

    def __init__(
        self,
        upper: Upper,
        *,
        limits: ConnectionLimits | None = None,
        sources: Sources | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        self.limits = limits or ConnectionLimits()
        self.counters = Counters()
        self.sources = sources or Sources()
        self._upper = upper
        self._tls = tls or TlsFiles()
        self._datagrams: list[DatagramSocket] = []
        self._acceptors: list[Acceptor] = []
        self._connections: dict[int, Connection] = {}
        self._strangers = OpenConnections(self.limits)
        self._numbers = itertools.count(1)
        self._empty = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.names = Names()
        self.connector = Connector(
            upper,
            self.limits,
            self.counters,
            make=lambda transport: self._connection(transport, ours=True),
            tls=self._tls.for_calling,
        )

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def listen(self, place: Listen) -> Listen:
        """The place with its real port. Raises OSError, and ValueError for TLS without files."""
        if not parse_ip(place.host).is_unspecified and self.connector.local_host is None:
            self.connector.local_host = place.host
        if place.transport == "udp":
            loop = asyncio.get_running_loop()
            _, found = await loop.create_datagram_endpoint(
                lambda: DatagramSocket(self._datagram), local_addr=(place.host, place.port)
            )
            self._datagrams.append(found)
            return Listen("udp", place.host, found.local.port)
        transport = place.transport
        tls = self._tls.for_listening() if transport == "tls" else None
        welcome = Welcome(
            admit=self._admit,
            gave_up=self._strangers.left,
            connection=lambda: self._connection(transport, ours=False),
            handshake=self.limits.first_message,
        )
        acceptor = Acceptor(place, welcome, tls)
        self._acceptors.append(acceptor)
        return Listen(transport, place.host, acceptor.local.port)

    def send(self, outgoing: Outgoing) -> None:
        """By its flow or to its destination. What fails, at once or later, is told to `upper`."""
        flow = outgoing.flow
        if flow is None and outgoing.transport != "udp":
            self.connector.send(outgoing)
            return
        if flow is None:
            if (host := self.names.now(outgoing.destination.host)) is None:
                self._keep(self._send_by_name(outgoing))
                return
            flow = self._datagram_flow(Address(host, outgoing.destination.port))
        if flow is None:
            self._upper.unreachable(outgoing, "we have no UDP socket of its kind of address")
        elif not self._send(flow, outgoing.data):
            self._upper.unreachable(outgoing, "the connection is gone")

    def drop(self, flow: Flow) -> None:
        """Break a connection off, as a network does that fails."""
        if (connection := self._connections.get(flow.connection)) is not None:
            connection.abort()

    async def aclose(self) -> None:
        """What is written already still goes out, for as long as a peer reads it."""
        await asyncio.gather(*(acceptor.aclose() for acceptor in self._acceptors))
        await self.connector.aclose()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in tuple(self._connections.values()):
            connection.close()
        try:
            async with asyncio.timeout(0.5):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections.values()):
                connection.abort()
        await asyncio.gather(*(each.aclose() for each in self._datagrams))

    # As ConnectionOwner

    def opened(self, connection: Connection) -> None:
        self._connections[connection.flow.connection] = connection

    def message(self, data: bytes, flow: Flow) -> None:
        self._upper.received(data, flow)

    def sent(self, data: bytes, flow: Flow) -> None:
        self._upper.sent(data, flow)

    def lost(self, connection: Connection) -> None:
        self.counters.connections_lost += 1
        del self._connections[connection.flow.connection]
        self.connector.forget(connection)
        if not connection.is_ours:
            self._strangers.left(connection.flow.remote.host)
        self._upper.lost(connection.flow)
        if not self._connections:
            self._empty.set()

    def _connection(self, transport: Transport, *, ours: bool) -> Connection:
        return Connection(self, next(self._numbers), transport, ours=ours)

    def _admit(self, host: str) -> bool:
        if self.sources.trunk_of(host) is None:
            self.counters.strangers += 1
            return False
        if not self._strangers.admit(host):
            self.counters.too_many_connections += 1
            return False
        return True

    def _datagram(self, data: bytes, flow: Flow) -> None:
        if self.sources.trunk_of(flow.remote.host) is None:
            self.counters.strangers += 1
        else:
            self._upper.received(data, flow)

    async def _send_by_name(self, outgoing: Outgoing) -> None:
        """A far side's Contact may have a name for a host."""
        try:
            await self.names.look_up(outgoing.destination.host)
        except OSError as error:
            self._upper.unreachable(outgoing, str(error))
        else:
            self.send(outgoing)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _datagram_flow(self, destination: Address) -> Flow | None:
        version = parse_ip(destination.host).version
        for each in self._datagrams:
            if parse_ip(each.local.host).version == version:
                return Flow("udp", each.local, destination)
        return None

    def _send(self, flow: Flow, data: bytes) -> bool:
        if flow.transport != "udp":
            connection = self._connections.get(flow.connection)
            return connection is not None and connection.send(data)
        for each in self._datagrams:
            if each.local == flow.local and each.send(data, flow.remote):
                self._upper.sent(data, flow)
                return True
        return False
