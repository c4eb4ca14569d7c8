"""Signalling, and audio on request, as a capture that Wireshark and tshark read.

The classic format (libpcap 2.4, LINKTYPE_RAW): IP packets made up around what our sockets sent and
received, with right lengths and checksums. TCP streams get their handshake and numbers, so that
"Follow stream" and SIP over several segments work. What went over TLS is written as it was inside.
"""

from __future__ import annotations

import ipaddress
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from bridge.ladder.record import SipMessage
from bridge.private_files import create_private
from bridge.sdp import MediaAddress
from bridge.sip.flow import Address, Flow

_LINKTYPE_RAW = 101
_MAGIC_MICROSECONDS = 0xA1B2C3D4
_TCP, _UDP = 6, 17
_SYN, _ACK, _PSH = 0x02, 0x10, 0x08
_SEGMENT = 16_384
_HOP_LIMIT = 64


@dataclass(slots=True)
class _Stream:
    """Sequence numbers of one connection: what each side has sent so far."""

    ours: int = 1
    theirs: int = 1


class PcapFile:
    def __init__(self, file: Path) -> None:
        """Raises OSError. Only its owner may read it: it holds numbers in clear."""
        self._file = create_private(file)
        header = struct.pack("!IHHiIII", _MAGIC_MICROSECONDS, 2, 4, 0, 0, 262_144, _LINKTYPE_RAW)
        self._file.write(header)
        self._streams: dict[Flow, _Stream] = {}

    def __call__(self, message: SipMessage) -> None:
        flow = message.flow
        if flow.transport == "udp":
            self.datagram(message.at, message.data, flow.local, flow.remote, sent=message.sent)
        else:
            self._segments(message)
        self._file.flush()

    def media(self, sent: bool, packet: bytes, local: MediaAddress, remote: MediaAddress) -> None:
        """An RTP packet, now."""
        self.datagram(time.time(), packet, Address(*local), Address(*remote), sent=sent)

    def datagram(
        self, at: float, data: bytes, local: Address, remote: Address, *, sent: bool
    ) -> None:
        source, target = (local, remote) if sent else (remote, local)
        udp = struct.pack("!HHHH", source.port, target.port, 8 + len(data), 0) + data
        self._packet(at, _UDP, source, target, udp, checksum_at=6)

    def close(self) -> None:
        self._file.close()

    def _segments(self, message: SipMessage) -> None:
        stream = self._streams.get(message.flow)
        if stream is None:
            stream = self._streams[message.flow] = _Stream()
            self._handshake(message)
        for start in range(0, len(message.data), _SEGMENT):
            part = message.data[start : start + _SEGMENT]
            mine, others = stream.ours, stream.theirs
            if message.sent:
                self._segment(message, mine, others, _PSH | _ACK, part, sent=True)
                stream.ours += len(part)
            else:
                self._segment(message, others, mine, _PSH | _ACK, part, sent=False)
                stream.theirs += len(part)

    def _handshake(self, message: SipMessage) -> None:
        # Whoever speaks first is taken for the one who connected.
        first = message.sent
        self._segment(message, 0, 0, _SYN, b"", sent=first)
        self._segment(message, 0, 1, _SYN | _ACK, b"", sent=not first)
        self._segment(message, 1, 1, _ACK, b"", sent=first)

    def _segment(
        self,
        message: SipMessage,
        number: int,
        expected: int,
        flags: int,
        data: bytes,
        *,
        sent: bool,
    ) -> None:
        flow = message.flow
        source, target = (flow.local, flow.remote) if sent else (flow.remote, flow.local)
        tcp = struct.pack(
            "!HHIIBBHHH",
            source.port,
            target.port,
            number & 0xFFFFFFFF,
            expected & 0xFFFFFFFF,
            5 << 4,
            flags,
            65_535,
            0,
            0,
        )
        self._packet(message.at, _TCP, source, target, tcp + data, checksum_at=16)

    def _packet(
        self,
        at: float,
        protocol: int,
        source: Address,
        target: Address,
        payload: bytes,
        *,
        checksum_at: int,
    ) -> None:
        ours, theirs = ipaddress.ip_address(source.host), ipaddress.ip_address(target.host)
        pseudo = ours.packed + theirs.packed + struct.pack("!II", len(payload), protocol)
        total = _checksum(pseudo + payload) or 0xFFFF
        payload = payload[:checksum_at] + struct.pack("!H", total) + payload[checksum_at + 2 :]
        packet = _ip_header(ours.packed, theirs.packed, protocol, len(payload)) + payload
        seconds, fraction = divmod(at, 1)
        size = len(packet)
        self._file.write(struct.pack("!IIII", int(seconds), int(fraction * 1e6), size, size))
        self._file.write(packet)


def _ip_header(source: bytes, target: bytes, protocol: int, length: int) -> bytes:
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, length, protocol, _HOP_LIMIT) + source + target
    start = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, _HOP_LIMIT, protocol)
    total = _checksum(start + b"\0\0" + source + target)
    return start + struct.pack("!H", total) + source + target


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
