"""What we hear: datagrams in, 20 ms of PCM at each tick out. No I/O and no clock."""

from __future__ import annotations

from bridge.rtp.codecs import Decoder, Resampler, decoder
from bridge.rtp.concealment import Concealer
from bridge.rtp.dtmf import Digit, DtmfReceiver
from bridge.rtp.jitter_buffer import MS, JitterBuffer
from bridge.rtp.latch import Latch
from bridge.rtp.packet import RtpPacket
from bridge.rtp.reception import Reception
from bridge.rtp.srtp import Srtp
from bridge.sdp import Codec, MediaAddress, Negotiated

COMFORT_NOISE = 13  # RFC 3389: a sign of life, and a pause in the audio


class Listener:
    """One direction of one call."""

    def __init__(self) -> None:
        self.buffer = JitterBuffer()
        self.reception = Reception()
        self.dtmf = DtmfReceiver()
        self.latch: Latch | None = None
        self.malformed = 0  # datagrams: neither RTP nor RTCP, or not opened by the key
        self.foreign = 0  # packets of payload types that were not agreed on
        self.concealed = 0  # units that were made up
        self.heard_at: float | None = None  # the last sign of life, s
        self.sample_rate = 8000
        self._negotiated: Negotiated | None = None
        self._codecs: dict[int, Codec] = {}
        self._decoders: dict[int, tuple[Decoder, Resampler]] = {}
        self._concealer = Concealer(self.sample_rate)

    def apply(self, negotiated: Negotiated) -> None:
        if self.latch is None:
            self.latch = Latch(negotiated.remote)
        elif not is_hold_address(negotiated.remote):
            self.latch.reopen(negotiated.remote)
        before = self._negotiated
        if before is not None and before.receives and not negotiated.receives:
            self.buffer.clear()
            self._concealer.silence()  # what is heard next has nothing to do with it
        self._codecs = dict(negotiated.decodes)
        if self.sample_rate != negotiated.codec.sample_rate:
            self.sample_rate = negotiated.codec.sample_rate
            self._concealer = Concealer(self.sample_rate)
            self._decoders = {}
        self._decoders = {
            kind: known for kind, known in self._decoders.items() if kind in self._codecs
        }
        self._negotiated = negotiated

    def receive(
        self,
        data: bytes,
        source: MediaAddress,
        now: float,
        srtp: Srtp | None = None,
        *,
        timely: bool = True,
    ) -> list[Digit]:
        """A datagram with RTP; digits that ended with it. Not `timely`: it came before `now`."""
        latch, negotiated = self.latch, self._negotiated
        if latch is None or negotiated is None or not latch.knows(source):
            return []
        try:
            packet = RtpPacket.parse(data if srtp is None else srtp.unprotect(data))
        except ValueError:
            self.malformed += 1
            return []
        packets, new = latch.admit(packet, source, now)
        if new:
            self.reception.restart()
        digits: list[Digit] = []
        for admitted, came in packets:
            self.heard_at = came
            digits += self._hear(admitted, negotiated, came, timely)
        return digits

    def pull(self, now: float) -> bytes:
        """The next 20 ms at `sample_rate`."""
        out = []
        for piece in self.buffer.pull(now):
            if isinstance(piece, tuple):
                out.append(self._concealer.heard(self._decoded(*piece)))
            else:
                out.append(self._missing(piece))
        return out[0] if len(out) == 1 else b"".join(out)

    def skip(self, now: float) -> None:
        """20 ms that nobody is to hear any more."""
        for piece in self.buffer.pull(now):
            if isinstance(piece, tuple):
                self._decoded(*piece)  # G722's decoder has a memory

    @property
    def dropped(self) -> int:
        latch = self.latch
        elsewhere = latch.elsewhere + latch.strange if latch else 0
        return elsewhere + self.malformed + self.foreign + self.reception.stray

    def _hear(
        self, packet: RtpPacket, negotiated: Negotiated, now: float, timely: bool
    ) -> list[Digit]:
        sequence = self.reception.add(packet.sequence)
        if sequence is None:
            return []
        if self.reception.began:
            self.buffer.restart()
        kind = packet.payload_type
        if kind in negotiated.dtmf_arrives:
            try:
                return self.dtmf.receive(packet.timestamp, packet.payload, now)
            except ValueError:
                self.malformed += 1
                return []
        if kind not in self._codecs:
            self.foreign += kind != COMFORT_NOISE
            return []
        if timely:
            self.reception.time(packet.timestamp, now)
        if negotiated.receives and packet.payload:
            self.buffer.put(sequence, packet.timestamp, kind, packet.payload, now, timely=timely)
        return []

    def _decoded(self, kind: int, payload: bytes) -> bytes:
        known = self._decoders.get(kind)
        if known is None:
            codec = self._codecs.get(kind)
            if codec is None:  # of before the last apply()
                return self._missing(len(payload))
            known = (decoder(codec), Resampler(codec.sample_rate, self.sample_rate))
            self._decoders[kind] = known
        decoded, to_rate = known
        return to_rate(decoded.decode(payload))

    def _missing(self, units: int) -> bytes:
        samples = units * (self.sample_rate // 8000)
        if self.dtmf.is_pressed:  # the tone's packets take the audio's place
            self._concealer.silence()
        if not self._concealer.is_silent:
            self.concealed += units
        return self._concealer.conceal(samples)

    @property
    def concealed_ms(self) -> int:
        return self.concealed // MS


def is_hold_address(address: MediaAddress) -> bool:
    """Nothing may be sent there: RFC 3264 section 8.4."""
    return address.host in ("0.0.0.0", "::")
