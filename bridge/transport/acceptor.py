"""Listening for connections, with the limits asked before anything is allocated."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bridge.addresses import Listen, parse_ip
from bridge.sip.flow import Address
from bridge.transport.connection import Connection

log = structlog.get_logger()

_BACKLOG = 128
_OUT_OF_DESCRIPTORS = 0.2


@dataclass(frozen=True, slots=True)
class Welcome:
    """`admit(host)` is asked first; `gave_up(host)` tells that nothing came of an admitted one."""

    admit: Callable[[str], bool]
    gave_up: Callable[[str], None]
    connection: Callable[[], Connection]
    handshake: float
    """Seconds that TLS may take."""


class Acceptor:
    def __init__(self, place: Listen, welcome: Welcome, tls: ssl.SSLContext | None) -> None:
        """Listens from now on. Raises OSError when the address or port cannot be used."""
        family = socket.AF_INET if parse_ip(place.host).version == 4 else socket.AF_INET6
        self._wire = socket.create_server((place.host, place.port), family=family, backlog=_BACKLOG)
        self._wire.setblocking(False)
        self._welcome = welcome
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.local = Address(*self._wire.getsockname()[:2])
        self._accepting = asyncio.create_task(self._accept(), name=f"accept {place}")

    async def aclose(self) -> None:
        tasks = (self._accepting, *self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._wire.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                wire, peer = await loop.sock_accept(self._wire)
            except OSError as error:  # EMFILE, mostly; others' connections wait in the backlog
                log.warning("accept_failed", error=type(error).__name__)
                await asyncio.sleep(_OUT_OF_DESCRIPTORS)
                continue
            host = str(peer[0])
            if not self._welcome.admit(host):
                wire.close()
                continue
            task = asyncio.create_task(self._serve(wire, host))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, wire: socket.socket, host: str) -> None:
        loop = asyncio.get_running_loop()
        connection = self._welcome.connection()
        handshake = self._welcome.handshake if self._tls is not None else None
        try:
            await loop.connect_accepted_socket(
                lambda: connection, wire, ssl=self._tls, ssl_handshake_timeout=handshake
            )
        except OSError:  # TLS that failed, or a reset
            wire.close()
        finally:
            if not connection.was_opened:
                self._welcome.gave_up(host)
