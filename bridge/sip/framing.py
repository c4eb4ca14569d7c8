"""Messages out of a stream of bytes (RFC 3261 section 18.3), with limits before allocation."""

from __future__ import annotations

import re
from dataclasses import dataclass

END_OF_HEADERS = b"\r\n\r\n"
_FOLD = re.compile(rb"\r\n[ \t]+")
_CONTENT_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"\r\n(?:content-type|c)[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Of one message."""

    header_bytes: int = 8 * 1024
    headers: int = 64
    body_bytes: int = 64 * 1024
    first_message: float = 5.0
    """Seconds from the connection, or from the first byte of a message, to its last byte."""


class FramingError(ValueError):
    """The stream cannot be read any further: close the connection."""


class KeepAlive:
    """A ping (RFC 5626 section 3.5.1): answer with `PONG` on the same connection."""

    PONG = b"\r\n"


class Framer:
    """Of one connection. `feed` raises FramingError for what can only be answered by closing."""

    def __init__(self, limits: MessageLimits | None = None, opened: float | None = None) -> None:
        """`opened`: when a stranger connected, who has to say something within the limit."""
        self._limits = limits or MessageLimits()
        self._buffer = bytearray()
        self._searched = 0
        self._needed = 0
        self._half_a_ping = False
        self._since: float | None = opened

    @property
    def deadline(self) -> float | None:
        """Close the connection when nothing more came until then; None: it may be idle."""
        return None if self._since is None else self._since + self._limits.first_message

    def feed(self, data: bytes, now: float) -> list[bytes | KeepAlive]:
        """Every message that is complete by now."""
        self._buffer += data
        found: list[bytes | KeepAlive] = []
        while (message := self._next()) is not None:
            found.append(message)
        if any(isinstance(each, bytes) for each in found):
            self._since = None
        if self._buffer and self._since is None:
            self._since = now
        return found

    def _next(self) -> bytes | KeepAlive | None:
        while not self._needed and self._buffer[:2] == b"\r\n":
            # CRLF CRLF is a ping; a single one before a message is its sender's habit (7.5).
            del self._buffer[:2]
            self._half_a_ping = not self._half_a_ping
            if not self._half_a_ping:
                return KeepAlive()
        if not self._needed and self._buffer and self._buffer != b"\r":
            self._half_a_ping = False
            self._needed = self._length()
        if not self._needed or len(self._buffer) < self._needed:
            return None
        message = bytes(self._buffer[: self._needed])
        del self._buffer[: self._needed]
        self._needed = self._searched = 0
        return message

    def _length(self) -> int:
        """Bytes of the message that begins here; 0 while its headers are incomplete."""
        end = self._buffer.find(END_OF_HEADERS, max(0, self._searched - 3))
        self._searched = len(self._buffer)
        if end > self._limits.header_bytes or (
            end < 0 and len(self._buffer) > self._limits.header_bytes
        ):
            raise FramingError(f"Headers are longer than {self._limits.header_bytes} bytes.")
        if end < 0:
            return 0
        head = _FOLD.sub(b" ", bytes(self._buffer[:end]))
        if head.count(b"\r\n") > self._limits.headers:
            raise FramingError(f"A message has more than {self._limits.headers} headers.")
        return end + len(END_OF_HEADERS) + self._body_bytes(head)

    def _body_bytes(self, head: bytes) -> int:
        values = {value.strip() for value in _CONTENT_LENGTH.findall(head)}
        if not values:
            # Some leave it out where there is no body; with a body nobody knows where it ends.
            if _CONTENT_TYPE.search(head):
                raise FramingError("A message with a body has no Content-Length.")
            return 0
        if len(values) > 1:
            raise FramingError("A message has two different Content-Length.")
        [value] = values
        if not value.isdigit() or len(value) > 9:
            raise FramingError("Content-Length is no number of bytes.")
        if int(value) > self._limits.body_bytes:
            raise FramingError(f"A body is longer than {self._limits.body_bytes} bytes.")
        return int(value)
