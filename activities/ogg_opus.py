"""How long an OGG/Opus file sounds, read page by page as its bytes arrive (RFC 3533, RFC 7845)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_RATE = 48_000  # granule positions count at 48 kHz whatever was recorded
_HEADER = struct.Struct("<4sBBqIII B")
_NO_PACKET_ENDS_HERE = -1


class OggOpusLength:
    """`feed` the bytes in any pieces, then ask `seconds`. ValueError tells what is wrong."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._pages = 0
        self._serial = 0
        self._pre_skip = 0
        self._first: int | None = None  # granule position at which the audio begins
        self._last = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data
        taken = 0
        while (length := self._page_length(taken)) is not None:
            self._read_page(bytes(self._buffer[taken : taken + length]))
            taken += length
        del self._buffer[:taken]

    def seconds(self) -> float:
        if self._pages == 0:
            raise ValueError("It is not an OGG file.")
        if self._buffer:
            raise ValueError("It is cut off in the middle of a page.")
        if self._first is None:
            raise ValueError("It has no audio.")
        return max(0, self._last - self._first - self._pre_skip) / _RATE

    def _page_length(self, start: int) -> int | None:
        """None when the page that begins here is not whole yet."""
        available = len(self._buffer) - start
        if self._buffer[start : start + 4] != b"OggS"[:available]:
            where = "It is not an OGG file." if self._pages == 0 else "It has broken OGG pages."
            raise ValueError(where)
        if available < _HEADER.size:
            return None
        segments = self._buffer[start + _HEADER.size - 1]
        table = start + _HEADER.size
        if available < _HEADER.size + segments:
            return None
        length = _HEADER.size + segments + sum(self._buffer[table : table + segments])
        return length if available >= length else None

    def _read_page(self, page: bytes) -> None:
        _, _, _, granule, serial, _, _, segments = _HEADER.unpack_from(page)
        table = page[_HEADER.size : _HEADER.size + segments]
        body = page[_HEADER.size + segments :]
        if self._pages == 0:
            if body[:8] != b"OpusHead" or len(body) < 19:
                raise ValueError("It is an OGG file without Opus.")
            self._serial = serial
            (self._pre_skip,) = struct.unpack_from("<H", body, 10)
        elif serial == self._serial and granule not in (0, _NO_PACKET_ENDS_HERE):
            if self._first is None:
                self._first = max(0, granule - sum(_samples(p) for p in _packets(table, body)))
            self._last = granule
        self._pages += 1


def _packets(table: bytes, body: bytes) -> Iterator[bytes]:
    start = end = 0
    for lacing in table:
        end += lacing
        if lacing < 255:
            yield body[start:end]
            start = end


def _samples(packet: bytes) -> int:
    """The length that an Opus packet's first byte declares (RFC 6716, section 3.1)."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    frames = 1 if code == 0 else 2 if code < 3 else packet[1] & 63 if len(packet) > 1 else 0
    return frame * frames
