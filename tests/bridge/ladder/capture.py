"""Reads a capture back, as far as ours go: packets with their checksums proved."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Packet:
    at: float
    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes
    number: int = 0
    expected: int = 0
    flags: int = 0


def packets(file: Path) -> list[Packet]:
    data = file.read_bytes()
    magic, major, minor, _zone, _figures, longest, link = struct.unpack("!IHHiIII", data[:24])
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    found, position = [], 24
    while position < len(data):
        seconds, micros, kept, whole = struct.unpack("!IIII", data[position : position + 16])
        assert kept == whole <= longest
        assert micros < 1_000_000
        position += 16
        found.append(_packet(seconds + micros / 1e6, data[position : position + kept]))
        position += kept
    assert position == len(data)
    return found


def _packet(at: float, data: bytes) -> Packet:
    if data[0] >> 4 == 4:
        assert _sum(data[:20]) == 0xFFFF
        (length,) = struct.unpack("!H", data[2:4])
        protocol, addresses, rest = data[9], data[12:20], data[20:]
        assert length == len(data)
        source, target = addresses[:4], addresses[4:]
    else:
        (length,) = struct.unpack("!H", data[4:6])
        protocol, source, target, rest = data[6], data[8:24], data[24:40], data[40:]
        assert length == len(rest)
    assert _sum(source + target + struct.pack("!II", len(rest), protocol) + rest) == 0xFFFF
    ports = struct.unpack("!HH", rest[:4])
    ends = [
        (str(ipaddress.ip_address(host)), port)
        for host, port in zip((source, target), ports, strict=True)
    ]
    if protocol == 17:
        assert struct.unpack("!H", rest[4:6]) == (len(rest),)
        return Packet(at, protocol, ends[0], ends[1], rest[8:])
    number, expected, offset, flags = struct.unpack("!IIBB", rest[4:14])
    return Packet(
        at, protocol, ends[0], ends[1], rest[(offset >> 4) * 4 :], number, expected, flags
    )


def stream(found: list[Packet], source: tuple[str, int]) -> bytes:
    """What one side of a TCP connection sent, put together by its numbers."""
    parts = {each.number: each.payload for each in found if each.source == source and each.payload}
    whole, expected = b"", 1
    for number, part in sorted(parts.items()):
        assert number == expected, "a hole in the stream"
        whole += part
        expected += len(part)
    return whole


def _sum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(total)
