"""One TCP or TLS connection: framing, its deadline, its write bound, keep-alive."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Protocol, cast

from bridge.sip.flow import Address, Flow, Transport
from bridge.sip.framing import Framer, FramingError, KeepAlive, MessageLimits
from bridge.transport.limits import ConnectionLimits, Counters

_PING, _PONG = b"\r\n\r\n", b"\r\n"
# How long the kernel goes on sending what nobody acknowledges.
_UNACKNOWLEDGED_MS = 15_000


class ConnectionOwner(Protocol):
    limits: ConnectionLimits
    counters: Counters

    def opened(self, connection: Connection) -> None: ...
    def message(self, data: bytes, flow: Flow) -> None: ...
    def sent(self, data: bytes, flow: Flow) -> None: ...
    def lost(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """A fault of the peer's closes it, at once."""

    def __init__(
        self, owner: ConnectionOwner, number: int, transport: Transport, *, ours: bool
    ) -> None:
        self.flow = Flow(transport, Address("", 0), Address("", 0), number)
        self.is_ours = ours
        """We opened it, so we keep it alive."""
        self.is_open = self.was_opened = False
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.TimerHandle | None = None
        self._ping: asyncio.TimerHandle | None = None
        self._pong_awaited = False
        self._answers_pings = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        local, remote = (self._wire.get_extra_info(n) for n in ("sockname", "peername"))
        if not remote:  # reset between its accept and now
            self._wire.abort()
            return
        self.flow = replace(self.flow, local=Address(*local[:2]), remote=Address(*remote[:2]))
        self._framer = Framer(
            MessageLimits(first_message=self._owner.limits.first_message),
            # Whom we called may let us wait; a stranger may not.
            opened=None if self.is_ours else self._loop.time(),
        )
        _find_out_when_it_dies(self._wire.get_extra_info("socket"))
        self.is_open = self.was_opened = True
        self._owner.opened(self)
        self._expect_message()
        if self.is_ours:
            self._ping = self._loop.call_later(self._owner.limits.ping_every, self._send_ping)

    def data_received(self, data: bytes) -> None:
        if self._pong_awaited:
            data = self._sign_of_life(data)
        try:
            items = self._framer.feed(data, self._loop.time())
        except FramingError:
            self._owner.counters.bad_framing += 1
            self.abort()
            return
        for item in items:
            if not self.is_open:
                return  # a message before it made us close
            if isinstance(item, KeepAlive):
                self._write(item.PONG)
            else:
                self._owner.message(item, self.flow)
        self._expect_message()

    def send(self, message: bytes) -> bool:
        """False when the connection is gone, or goes now because nobody reads at its other end."""
        if not self._write(message):
            return False
        self._owner.sent(message, self.flow)
        return True

    def close(self) -> None:
        """After what is still to be written; `connection_lost` follows."""
        if self.is_open:
            self._wire.close()

    def abort(self) -> None:
        if self.is_open:
            self._wire.abort()

    def connection_lost(self, error: Exception | None) -> None:
        for timer in (self._deadline, self._ping):
            if timer is not None:
                timer.cancel()
        if self.is_open:
            self.is_open = False
            self._owner.lost(self)

    def _write(self, data: bytes) -> bool:
        if not self.is_open or self._wire.is_closing():
            return False
        if self._wire.get_write_buffer_size() + len(data) > self._owner.limits.written_ahead:
            self._owner.counters.unread += 1
            self.abort()
            return False
        self._wire.write(data)
        return True

    def _send_ping(self) -> None:
        self._pong_awaited = True
        self._write(_PING)
        # RFC 5626 is optional: silence proves nothing about a peer that never answered a ping.
        limits = self._owner.limits
        if self._answers_pings:
            self._ping = self._loop.call_later(limits.pong_within, self.abort)
        else:
            self._ping = self._loop.call_later(limits.ping_every, self._send_ping)

    def _sign_of_life(self, data: bytes) -> bytes:
        """Whatever comes after our ping proves the connection; what comes without the pong."""
        self._pong_awaited = False
        if self._is_between_messages and data[:2] == _PONG:
            self._answers_pings = True
            data = data[2:]
        if self._ping is not None:
            self._ping.cancel()
        self._ping = self._loop.call_later(self._owner.limits.ping_every, self._send_ping)
        return data

    @property
    def _is_between_messages(self) -> bool:
        return self._framer.deadline is None

    def _expect_message(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        due = self._framer.deadline
        if self.is_open and due is not None:
            self._deadline = self._loop.call_at(due, self._too_slow)

    def _too_slow(self) -> None:
        self._owner.counters.too_slow += 1
        self.abort()


def _find_out_when_it_dies(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
