"""RTCP both ways: sender and receiver reports, source descriptions, BYE (RFC 3550 section 6).

The packets are aiortp's; what it lets through as other errors becomes a ValueError here.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from aiortp.clock import current_ntp_time
from aiortp.packet import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    clamp_packets_lost,
)

from bridge.rtp.reception import Reception
from bridge.rtp.speaker import Speaker
from bridge.sdp.codecs import CLOCK_RATE

INTERVAL = 5.0  # s on average: RFC 3550 section 6.2
_FIRST = 1.0  # s: RFC 3550 halves the first interval; a short call is to have a report too
_CNAME = 1
_MAX_BYTES = 1500
_UNIT = 65536  # of a second, in LSR and DLSR
_MAX_ROUND_TRIP = 10.0  # s; more is a report about something else

AnyReport = RtcpByePacket | RtcpRrPacket | RtcpSdesPacket | RtcpSrPacket


def parse(data: bytes) -> list[AnyReport]:
    """A compound packet, without feedback of video. Raises ValueError with a sentence."""
    if len(data) > _MAX_BYTES:
        raise ValueError(f"The RTCP packet is longer than {_MAX_BYTES} bytes.")
    try:
        packets = RtcpPacket.parse(data)
    except (ValueError, struct.error, IndexError) as error:
        raise ValueError(f"The RTCP packet is malformed: {error}.") from None
    return [packet for packet in packets if isinstance(packet, AnyReport)]


class Reports:
    """Of one call. Times are seconds of one clock, `wall` gives NTP's."""

    def __init__(
        self,
        cname: str,
        *,
        wall: Callable[[], int] = current_ntp_time,
        unevenness: Callable[[], float] = random.random,
    ) -> None:
        self.round_trip: float | None = None  # s
        self.remote_lost: int | None = None  # packets of ours
        self.remote_jitter: int | None = None  # timestamp units
        self._cname = cname.encode()
        self._wall = wall
        self._unevenness = unevenness
        self._due: float | None = None
        self._last_report: tuple[int, float] | None = None  # their NTP time, and when it came

    def is_due(self, now: float) -> bool:
        """Every 2.5 to 7.5 s: reports of many calls are not to fall together."""
        if self._due is None:
            self._due = now + _FIRST
        if now < self._due:
            return False
        self._due = now + INTERVAL * (0.5 + self._unevenness())
        return True

    def report(
        self, speaker: Speaker, reception: Reception, theirs: int | None, now: float
    ) -> bytes:
        """`theirs`: the source that we hear."""
        blocks = [] if theirs is None else [self._block(reception, theirs, now)]
        told: RtcpSrPacket | RtcpRrPacket
        if speaker.sent:
            sender = RtcpSenderInfo(self._wall(), speaker.timestamp, speaker.sent, speaker.octets)
            told = RtcpSrPacket(speaker.ssrc, sender, blocks)
        else:
            told = RtcpRrPacket(speaker.ssrc, blocks)
        return bytes(told) + self._name(speaker.ssrc)

    def farewell(self, ssrc: int) -> bytes:
        """A compound packet begins with a report (section 6.1)."""
        return bytes(RtcpRrPacket(ssrc)) + self._name(ssrc) + bytes(RtcpByePacket([ssrc]))

    def read(self, data: bytes, ours: int, now: float) -> list[int]:
        """Sources that said BYE. Raises ValueError."""
        left: list[int] = []
        for packet in parse(data):
            if isinstance(packet, RtcpByePacket):
                left += packet.sources
            elif isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                if isinstance(packet, RtcpSrPacket):
                    self._last_report = (packet.sender_info.ntp_timestamp, now)
                for block in packet.reports:
                    if block.ssrc == ours:
                        self._told(block)
        return left

    def _name(self, ssrc: int) -> bytes:
        return bytes(RtcpSdesPacket([RtcpSourceInfo(ssrc, [(_CNAME, self._cname)])]))

    def _block(self, reception: Reception, theirs: int, now: float) -> RtcpReceiverInfo:
        last, delay = 0, 0
        if self._last_report is not None:
            ntp, came = self._last_report
            last = ntp >> 16 & 0xFFFF_FFFF
            delay = int((now - came) * _UNIT) & 0xFFFF_FFFF
        return RtcpReceiverInfo(
            ssrc=theirs,
            fraction_lost=reception.fraction_lost(),
            packets_lost=clamp_packets_lost(reception.lost),
            highest_sequence=reception.highest,
            jitter=int(reception.jitter),
            lsr=last,
            dlsr=delay,
        )

    def _told(self, block: RtcpReceiverInfo) -> None:
        self.remote_lost = max(0, block.packets_lost)
        self.remote_jitter = min(block.jitter, 10 * CLOCK_RATE)
        if block.lsr:
            now = self._wall() >> 16 & 0xFFFF_FFFF
            seconds = (now - block.lsr - block.dlsr & 0xFFFF_FFFF) / _UNIT
            if seconds < _MAX_ROUND_TRIP:
                self.round_trip = seconds
