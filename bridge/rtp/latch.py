"""Whose packets are heard: symmetric RTP (RFC 4961), but only from the address of the description.

Latching on whatever comes first lets anybody who guesses a port speak into the call and draw its
audio to himself. Here a sender must have the IP address that signalling named. Its port may be
another (NAT) only where packets prove to be one stream, and where none come from the named port.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.rtp.counting import sequence_step
from bridge.rtp.packet import RtpPacket
from bridge.sdp import MediaAddress

_NEEDED = 2  # packets in sequence, from the port that is expected (RFC 3550's MIN_SEQUENTIAL)
_NEEDED_ELSEWHERE = 5  # ... from another port
_PROVEN_AFTER = 0.06  # s, ... and over so long a time
_SANE_STEP = 10  # upwards, between packets of one stream that just began
_WITHHELD = 32  # packets
_CANDIDATES = 8
_SILENCE = 0.15  # s: a source that speaks is not replaced, however insistent the other one is


Came = tuple[RtpPacket, float]
"""A packet and when it came (s)."""


@dataclass(slots=True)
class _Candidate:
    """A stream that is not believed yet; its packets wait."""

    ssrc: int
    sequence: int
    heard: float
    packets: list[Came] = field(default_factory=list)

    def add(self, packet: RtpPacket, now: float) -> int:
        """How many packets in sequence there are now."""
        step = sequence_step(packet.sequence, self.sequence)
        if packet.ssrc != self.ssrc or not 0 < step <= _SANE_STEP:
            self.ssrc = packet.ssrc
            self.packets.clear()
        self.sequence, self.heard = packet.sequence, now
        self.packets.append((packet, now))
        del self.packets[:-_WITHHELD]
        return len(self.packets)


class Latch:
    """`remote` is where our own packets go."""

    def __init__(self, expected: MediaAddress) -> None:
        self.expected = expected
        self.remote = expected
        self.latched = False
        self.ssrc: int | None = None
        self.elsewhere = 0  # packets dropped: another address
        self.strange = 0  # packets dropped: right address, but not the stream
        self._heard = float("-inf")  # the stream
        self._candidates: dict[int, _Candidate] = {}  # by port
        self._challenger: _Candidate | None = None

    def reopen(self, expected: MediaAddress) -> None:
        """A new offer and answer: the source may be another from here on, and only from here on."""
        if expected != self.expected:
            self.expected = self.remote = expected
            self.ssrc = None
        self.latched = False
        self._candidates.clear()
        self._challenger = None

    def knows(self, source: MediaAddress) -> bool:
        """Worth looking at: only then is a packet decrypted or parsed."""
        if source == self.remote or (not self.latched and source[0] == self.expected.host):
            return True
        self.elsewhere += 1
        return False

    def admit(self, packet: RtpPacket, source: MediaAddress, now: float) -> tuple[list[Came], bool]:
        """The packets that are to be heard now, and whether a new stream begins with them."""
        if self.latched:
            return self._of_the_stream(packet, now)
        if source == self.remote and packet.ssrc == self.ssrc:
            self._latch(source, packet.ssrc, now)
            return [(packet, now)], False
        candidate = self._candidate(source[1], packet, now)
        if candidate is None:
            return [], False
        count = candidate.add(packet, now)
        if count < (_NEEDED if source == self.remote else _NEEDED_ELSEWHERE):
            return [], False
        if source != self.remote and now - candidate.packets[0][1] < _PROVEN_AFTER:
            return [], False
        if source != self.remote and self._hears_the_expected(now):
            self.strange += 1
            candidate.packets.clear()
            return [], False
        new = candidate.ssrc != self.ssrc
        self._latch(MediaAddress(*source[:2]), candidate.ssrc, now)
        return candidate.packets, new

    def farewell(self, ssrc: int) -> None:
        """The stream said BYE (RTCP): the next one need not wait."""
        if ssrc == self.ssrc:
            self._heard = float("-inf")

    def _candidate(self, port: int, packet: RtpPacket, now: float) -> _Candidate | None:
        candidate = self._candidates.get(port)
        if candidate is None:
            if len(self._candidates) >= _CANDIDATES and port != self.remote.port:
                self.strange += 1
                return None
            candidate = _Candidate(packet.ssrc, packet.sequence - 1, now)
            self._candidates[port] = candidate
        return candidate

    def _hears_the_expected(self, now: float) -> bool:
        known = self._candidates.get(self.remote.port)
        return known is not None and now - known.heard < _SILENCE

    def _latch(self, source: MediaAddress, ssrc: int, now: float) -> None:
        self.remote, self.ssrc = source, ssrc
        self.latched = True
        self._heard = now
        self._candidates = {}

    def _of_the_stream(self, packet: RtpPacket, now: float) -> tuple[list[Came], bool]:
        if packet.ssrc == self.ssrc:
            self._heard = now
            self._challenger = None
            return [(packet, now)], False
        challenger = self._challenger
        if challenger is None:
            challenger = _Candidate(packet.ssrc, packet.sequence - 1, now)
            self._challenger = challenger
        count = challenger.add(packet, now)
        if count <= _NEEDED or now - self._heard < _SILENCE:
            self.strange += 1
            del challenger.packets[:-_NEEDED]
            return [], False
        self.strange -= len(challenger.packets) - 1
        self._latch(self.remote, packet.ssrc, now)
        self._challenger = None
        return challenger.packets, True
