"""What we say: 20 ms of audio or a digit for each tick, as one unbroken RTP stream. No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from bridge.rtp.codecs import Encoder, Resampler, encoder
from bridge.rtp.dtmf import DtmfSender
from bridge.rtp.packet import RtpPacket
from bridge.sdp import PCMU, Codec, Negotiated

FRAME_UNITS = 160  # of the RTP clock: 20 ms
_FRAMES_A_SECOND = 50
_BYTES = 2  # a sample
_MOST_QUEUED = 600  # s


class Speaker:
    """Queue, source, silence and digits. Timestamps go on while nothing may be sent."""

    def __init__(self, random: Callable[[int], int] = secrets.randbelow) -> None:
        self.ssrc = random(2**32)
        self.timestamp = random(2**32)  # of the next frame
        self.sent = 0  # packets
        self.octets = 0
        self.overdue = 0  # frames that were not sent for it was too late
        self.source: Callable[[], bytes | None] | None = None
        self.dtmf = DtmfSender()
        self._sequence = random(2**16)
        self._queue = bytearray()
        self._codec: Codec = PCMU
        self._encoder: Encoder = encoder(PCMU)
        self._negotiated: Negotiated | None = None
        self._gap = True  # the next packet follows a pause: marker (RFC 3551 section 4.1)

    @property
    def sample_rate(self) -> int:
        return self._codec.sample_rate

    @property
    def _frame(self) -> int:
        return self._codec.sample_rate // _FRAMES_A_SECOND * _BYTES

    def apply(self, negotiated: Negotiated) -> None:
        codec = negotiated.codec
        if codec != self._codec:
            if codec.sample_rate != self.sample_rate and self._queue:
                convert = Resampler(self.sample_rate, codec.sample_rate)
                self._queue = bytearray(convert(bytes(self._queue)))
            self._codec, self._encoder = codec, encoder(codec)
        if negotiated.dtmf is None:
            self.dtmf.clear()
        self._negotiated = negotiated

    def play(self, pcm: bytes) -> None:
        """Raises ValueError."""
        if len(pcm) % _BYTES:
            raise ValueError("PCM of 16 bit has an even number of bytes.")
        if len(self._queue) + len(pcm) > _MOST_QUEUED * self.sample_rate * _BYTES:
            raise ValueError(f"More than {_MOST_QUEUED} s of audio would be waiting.")
        self._queue += pcm

    def stop_playing(self) -> None:
        self._queue.clear()

    @property
    def queued_ms(self) -> int:
        return len(self._queue) * 1000 // (self.sample_rate * _BYTES)

    def skip(self) -> None:
        """A frame's time is over and it was not sent: it is not said later either."""
        self._next_frame()
        self.overdue += 1
        self.timestamp = self.timestamp + FRAME_UNITS & 0xFFFF_FFFF

    def tick(self) -> list[RtpPacket]:
        """The packets of the next 20 ms; none while we may not send."""
        pcm = self._next_frame()
        timestamp = self.timestamp
        self.timestamp = timestamp + FRAME_UNITS & 0xFFFF_FFFF
        negotiated = self._negotiated
        if negotiated is None or not negotiated.sends:
            self._gap = True
            self.dtmf.interrupt()
            return []
        if negotiated.dtmf is not None and self.dtmf.is_busy:
            event = self.dtmf.next(timestamp)
            if event is not None:
                self._gap = False
                stamp = event.timestamp
                return [self._packet(negotiated.dtmf, stamp, event.payload, event.marker)]
            if self.dtmf.is_busy:
                pcm = bytes(self._frame)  # between digits
        payload = self._encoder.encode(pcm)
        kind, marker = negotiated.payload_type, self._gap
        self._gap = False
        if negotiated.ptime >= 20:
            return [self._packet(kind, timestamp, payload, marker)]
        half = len(payload) // 2
        return [
            self._packet(kind, timestamp, payload[:half], marker),
            self._packet(kind, timestamp + half & 0xFFFF_FFFF, payload[half:], False),
        ]

    def _packet(self, kind: int, timestamp: int, payload: bytes, marker: bool) -> RtpPacket:
        self._sequence = self._sequence + 1 & 0xFFFF
        self.sent += 1
        self.octets += len(payload)
        return RtpPacket(kind, marker, self._sequence, timestamp, self.ssrc, payload)

    def _next_frame(self) -> bytes:
        size = self._frame
        if self._queue:
            pcm: bytes | None = bytes(self._queue[:size])
            del self._queue[:size]
        else:
            pcm = self.source() if self.source is not None else None
        if not pcm:
            return bytes(size)
        return pcm if len(pcm) == size else pcm[:size].ljust(size, b"\0")
