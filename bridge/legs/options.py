"""What a bridge is told at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bridge.addresses import Listen
from bridge.rtp import PortRange
from bridge.sdp import CODECS, Codec, SrtpPolicy, codecs_named
from bridge.settings import BridgeSettings, callers_of
from bridge.sip import Credentials, Timers
from bridge.transport import ConnectionLimits, TlsFiles

_LISTEN = (Listen("udp", "127.0.0.1", 0), Listen("tcp", "127.0.0.1", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOptions:
    """`BridgeSettings` without an environment; all times in seconds."""

    listen: tuple[Listen, ...] = _LISTEN
    advertised_ip: str | None = None
    ports: PortRange = field(default_factory=lambda: PortRange(10_000, 40_000))
    allowed_sources: tuple[str, ...] = ()
    codecs: tuple[Codec, ...] = CODECS
    srtp: SrtpPolicy = "accepted"
    user: str = "switchboard"
    """Who calls, unless a call says otherwise; also in our Contact."""
    credentials: Credentials | None = None
    callers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """{name: password} of whom is let in; empty: nobody is asked."""
    caller_algorithms: tuple[str, ...] = ("MD5",)
    """What callers are challenged with, the best first (RFC 8760). Phones of today (SIPp 3.6,
    baresip 1.0) look at the first one only, and stop at SHA-256."""
    tls: TlsFiles = field(default_factory=TlsFiles)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    max_calls: int = 200
    ringing_timeout: float = 60.0
    media_timeout: float = 30.0
    max_duration: float = 4 * 3600.0
    drain: float = 3.0
    accept_transfers: bool = False
    """Else they are refused: who may have us call anybody spends our money."""
    timers: Timers = field(default_factory=Timers)

    @classmethod
    def of(cls, settings: BridgeSettings) -> Self:
        credentials = None
        if settings.bridge_username:
            credentials = Credentials(settings.bridge_username, settings.bridge_password)
        return cls(
            listen=tuple(Listen.parse(place) for place in settings.bridge_listen),
            advertised_ip=settings.bridge_advertised_ip or None,
            ports=PortRange.parse(settings.bridge_rtp_ports),
            allowed_sources=settings.bridge_allowed_sources,
            codecs=codecs_named(settings.bridge_codecs),
            srtp=settings.bridge_srtp,
            credentials=credentials,
            callers=callers_of(settings.bridge_callers),
            caller_algorithms=settings.bridge_caller_algorithms,
            tls=TlsFiles(
                settings.bridge_tls_certificate,
                settings.bridge_tls_private,
                settings.bridge_tls_authorities,
            ),
            connections=ConnectionLimits(
                per_address=settings.bridge_connections_per_address,
                together=settings.bridge_max_connections,
                first_message=settings.bridge_first_message_seconds,
            ),
            max_calls=settings.bridge_max_calls,
            ringing_timeout=settings.bridge_ringing_seconds,
            media_timeout=settings.bridge_media_timeout_seconds,
            max_duration=settings.bridge_max_duration_seconds,
            drain=settings.bridge_drain_seconds,
        )
