"""The media of one call without sockets and clock: what session.py feeds, and tests can."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bridge.rtp.dtmf import Digit
from bridge.rtp.listener import Listener, is_hold_address
from bridge.rtp.packet import is_rtcp
from bridge.rtp.quality import Quality, mos
from bridge.rtp.reports import Reports
from bridge.rtp.silence import SilenceWatch
from bridge.rtp.speaker import Speaker
from bridge.rtp.srtp import Srtp
from bridge.sdp import MediaAddress, Negotiated

_PACKET_MS = 20  # that a sender needs until its packet is full
_TICK = 0.02  # s
_STALL = 0.06  # s without a tick: what is read now has waited for us
_DRAIN = 0.04  # s after a stall until all that waited is read
_MAX_CATCH_UP = 2  # frames that are sent late after a stall; older ones are dropped


@dataclass(frozen=True, slots=True)
class Datagram:
    data: bytes
    to: MediaAddress
    is_rtcp: bool = False  # to be sent from the RTCP port, unless both share one


class Media:
    """All times are seconds of one monotonic clock."""

    def __init__(self, *, timeout: float = 15.0, cname: str | None = None) -> None:
        self.speaker = Speaker()
        self.listener = Listener()
        self.reports = Reports(cname or secrets.token_hex(6))
        self.negotiated: Negotiated | None = None
        self._silence = SilenceWatch(timeout)
        self._srtp: Srtp | None = None
        self._malformed_reports = 0
        self._heard_at: float | None = None  # s: the last hear()
        self._drained_at = 0.0

    def apply(self, negotiated: Negotiated, now: float, *, early: bool = False) -> None:
        if negotiated.srtp is None:
            self._srtp = None
        elif self._srtp is None:
            self._srtp = Srtp(negotiated.srtp)
        else:
            self._srtp = self._srtp.rekeyed(negotiated.srtp)
        self.speaker.apply(negotiated)
        self.listener.apply(negotiated)
        self._silence.expect(negotiated.expects_media and not early, now)
        self.negotiated = negotiated

    def receive(self, data: bytes, source: MediaAddress, now: float) -> list[Digit]:
        """A datagram from either port; never raises."""
        if is_rtcp(data):
            self._receive_rtcp(data, source, now)
            return []
        timely = now >= self._drained_at and (
            self._heard_at is None or now - self._heard_at < _STALL
        )
        return self.listener.receive(data, source, now, self._srtp, timely=timely)

    def say(self, now: float, missed: int = 0) -> list[Datagram]:
        """Every 20 ms, on a schedule that never moves: what to send."""
        sending: list[Datagram] = []
        negotiated = self.negotiated
        if negotiated is None:
            return sending
        for late in range(missed, -1, -1):
            if late > _MAX_CATCH_UP:
                self.speaker.skip()
            else:
                sending += self._outgoing(negotiated)
        if self.reports.is_due(now) and not is_hold_address(negotiated.remote):
            sending.append(self._report(negotiated, now))
        return sending

    def hear(self, now: float, missed: int = 0) -> tuple[list[bytes], list[Digit]]:
        """Every 20 ms: what is heard (PCM), and which presses ended by falling silent."""
        self._heard_at = now
        if missed * _TICK >= _STALL:
            self._drained_at = now + _DRAIN
        heard: list[bytes] = []
        negotiated = self.negotiated
        if negotiated is None:
            return heard, []
        if negotiated.receives:
            for late in range(missed, -1, -1):
                due = now - late * _TICK
                if late > _MAX_CATCH_UP:
                    self.listener.skip(due)
                else:
                    heard.append(self.listener.pull(due))
        return heard, self.listener.dtmf.advance(now)

    @property
    def begins_at(self) -> float | None:
        """When the next hear() had best come, as the first packet is here; None: no matter."""
        return self.listener.buffer.begins_at

    @property
    def phase(self) -> float:
        """How much later hear() comes than it had best come, in s; less than a tick."""
        return self.listener.buffer.phase

    def is_silent(self, now: float) -> bool:
        """Nothing came for too long though it was due. True once."""
        return self._silence.is_over(self.listener.heard_at, now)

    def farewell(self) -> list[Datagram]:
        """RTCP BYE, where anything was said."""
        if self.negotiated is None or not self.speaker.sent:
            return []
        if is_hold_address(self.negotiated.remote):
            return []
        data = self.reports.farewell(self.speaker.ssrc)
        return [self._rtcp(data, self.negotiated)]

    def quality(self) -> Quality:
        listener, reception, reports = self.listener, self.listener.reception, self.reports
        late = listener.buffer.late
        delay = _PACKET_MS + listener.buffer.delay_ms
        if reports.round_trip is not None:
            delay += reports.round_trip * 500
        expected = max(1, reception.expected)
        return Quality(
            received=reception.received,
            lost=reception.lost,
            late=late,
            duplicated=reception.duplicated,
            dropped=listener.dropped + self._malformed_reports,
            concealed_ms=listener.concealed_ms,
            jitter_ms=reception.jitter_ms,
            buffer_ms=listener.buffer.delay_ms,
            round_trip_ms=None if reports.round_trip is None else reports.round_trip * 1000,
            sent=self.speaker.sent,
            remote_lost=reports.remote_lost,
            remote_jitter_ms=None if reports.remote_jitter is None else reports.remote_jitter / 8,
            mos=mos(loss=(reception.lost + late) / expected, delay_ms=delay)
            if reception.received
            else None,
        )

    def _outgoing(self, negotiated: Negotiated) -> list[Datagram]:
        latch = self.listener.latch
        to = latch.remote if latch is not None else negotiated.remote
        protect: Callable[[bytes], bytes] | None = self._srtp.protect if self._srtp else None
        sending = []
        for packet in self.speaker.tick():
            data = packet.serialize()
            sending.append(Datagram(protect(data) if protect else data, to))
        return sending

    def _report(self, negotiated: Negotiated, now: float) -> Datagram:
        latch = self.listener.latch
        theirs = latch.ssrc if latch is not None else None
        data = self.reports.report(self.speaker, self.listener.reception, theirs, now)
        return self._rtcp(data, negotiated)

    def _rtcp(self, data: bytes, negotiated: Negotiated) -> Datagram:
        if self._srtp is not None:
            data = self._srtp.protect_rtcp(data)
        latch = self.listener.latch
        if negotiated.remote_rtcp is not None:
            return Datagram(data, negotiated.remote_rtcp, is_rtcp=True)
        return Datagram(data, latch.remote if latch is not None else negotiated.remote)

    def _receive_rtcp(self, data: bytes, source: MediaAddress, now: float) -> None:
        latch, negotiated = self.listener.latch, self.negotiated
        if latch is None or negotiated is None:
            return
        named = negotiated.remote_rtcp or negotiated.remote
        if source[0] not in (latch.expected.host, named.host):
            latch.elsewhere += 1
            return
        try:
            if self._srtp is not None:
                data = self._srtp.unprotect_rtcp(data)
            left = self.reports.read(data, self.speaker.ssrc, now)
        except ValueError:
            self._malformed_reports += 1
            return
        for ssrc in left:
            latch.farewell(ssrc)
