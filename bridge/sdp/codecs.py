"""The codecs of a phone leg, and the formats by which a description names them (RFC 3551)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CLOCK_RATE = 8000  # Hz in rtpmap and timestamps, of every codec here
TELEPHONE_EVENT = "telephone-event"
TELEPHONE_EVENT_TYPE = 101  # ours, where the other side has not named another
EVENTS = "0-15"  # digits, *, #, A to D: RFC 4733 section 3.2


@dataclass(frozen=True, slots=True)
class Codec:
    """An audio codec. Its RTP clock is 8000 Hz whatever the audio's rate (RFC 3551, 4.5.2)."""

    name: str
    payload_type: int  # the static one
    sample_rate: int  # Hz, of the PCM on its other side


PCMU = Codec("PCMU", 0, 8000)
PCMA = Codec("PCMA", 8, 8000)
G722 = Codec("G722", 9, 16000)
CODECS = (PCMU, PCMA, G722)


def codecs_named(names: Iterable[str]) -> tuple[Codec, ...]:
    """In this order of preference. Raises ValueError for an unknown, a repeated or no name."""
    known = {codec.name: codec for codec in CODECS}
    chosen: list[Codec] = []
    for name in names:
        codec = known.get(name.strip().upper())
        if codec is None:
            raise ValueError(f"{name.strip()!r} is no codec: known are {', '.join(known)}.")
        if codec in chosen:
            raise ValueError(f"The codec {codec.name} is named twice.")
        chosen.append(codec)
    if not chosen:
        raise ValueError("At least one codec is needed.")
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Format:
    """A payload type of one media line: `a=rtpmap` and `a=fmtp`, or RFC 3551's table."""

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""

    def is_codec(self, codec: Codec) -> bool:
        if self.encoding.upper() != codec.name or self.channels != 1:
            return False
        # Some peers write the audio's rate for G722, which RFC 3551 section 4.5.2 forbids.
        return self.clock_rate in (CLOCK_RATE, codec.sample_rate)

    @property
    def is_telephone_event(self) -> bool:
        return self.encoding.lower() == TELEPHONE_EVENT and self.clock_rate == CLOCK_RATE


STATIC_FORMATS = {
    codec.payload_type: Format(codec.payload_type, codec.name, CLOCK_RATE) for codec in CODECS
}
