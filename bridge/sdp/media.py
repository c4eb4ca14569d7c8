"""What was agreed on, and what we bring to an agreement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bridge.sdp.codecs import CODECS, Codec
from bridge.sdp.crypto import SrtpKeys
from bridge.sdp.media_line import MediaAddress

SrtpPolicy = Literal["refused", "accepted", "required"]


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Our side of a stream: where the other side shall send, and what we can do.

    RTCP is received at `port` + 1, or at `port` itself where the other side offers rtcp-mux.
    """

    address: str  # the advertised IP address
    port: int
    codecs: tuple[Codec, ...] = CODECS
    srtp: SrtpPolicy = "refused"  # "required": we offer nothing else and refuse plain RTP
    ptime: int = 20  # ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """One stream as both sides see it now. Everything a media session needs to know."""

    remote: MediaAddress  # where RTP goes, by their description; (0.0.0.0, port) on old-style hold
    remote_rtcp: MediaAddress | None  # None: beside the RTP (rtcp-mux)
    codec: Codec  # of what we send
    payload_type: int  # of what we send
    decodes: tuple[tuple[int, Codec], ...]  # payload types that may arrive
    dtmf: int | None  # payload type for telephone events to them
    dtmf_arrives: frozenset[int] = frozenset()
    ptime: int = 20  # ms a packet of ours
    sends: bool = True
    receives: bool = True
    remote_holds: bool = False
    srtp: SrtpKeys | None = field(default=None, repr=False)

    @property
    def expects_media(self) -> bool:
        """Silence on the wire is a fault only while this holds."""
        return self.receives and not self.remote_holds
