"""What is usual at each carrier; fills in what a new trunk leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TLS_PORT = 5061  # RFC 3261 section 19.1.2


class TrunkKind(StrEnum):
    BRIDGE = "bridge"
    LIVEKIT_SIP = "livekit_sip"


class Preset(StrEnum):
    EXOTEL = "exotel"
    GENERIC = "generic"
    TWILIO = "twilio"
    ASTERISK = "asterisk"
    THREE_CX = "3cx"


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Codec(StrEnum):
    PCMU = "PCMU"
    PCMA = "PCMA"
    G722 = "G722"
    TELEPHONE_EVENT = "telephone-event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    kind: TrunkKind = TrunkKind.BRIDGE
    transport: Transport = Transport.UDP
    port: int = 5060
    codecs: tuple[Codec, ...] = (Codec.PCMA, Codec.PCMU, Codec.TELEPHONE_EVENT)
    calls_per_second: float = 1.0

    def port_for(self, transport: object) -> int:
        is_other = transport == Transport.TLS and self.transport is not Transport.TLS
        return TLS_PORT if is_other else self.port


USUAL = {
    Preset.GENERIC: Usual(),
    # developer.exotel.com/docs/vsip/tcp-integration: SIP over TCP on 5070, 200 calls a minute.
    Preset.EXOTEL: Usual(transport=Transport.TCP, port=5070, calls_per_second=3.0),
    # US carriers speak mu-law; a new Twilio trunk starts one call a second.
    Preset.TWILIO: Usual(
        kind=TrunkKind.LIVEKIT_SIP,
        transport=Transport.TCP,
        codecs=(Codec.PCMU, Codec.PCMA, Codec.TELEPHONE_EVENT),
    ),
    Preset.ASTERISK: Usual(
        codecs=(Codec.G722, Codec.PCMA, Codec.PCMU, Codec.TELEPHONE_EVENT), calls_per_second=10.0
    ),
    Preset.THREE_CX: Usual(
        codecs=(Codec.G722, Codec.PCMA, Codec.PCMU, Codec.TELEPHONE_EVENT), calls_per_second=5.0
    ),
}
