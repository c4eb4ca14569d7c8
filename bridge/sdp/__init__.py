"""Session descriptions of phone calls: offers and answers (RFC 3264). No I/O."""

from bridge.sdp.codecs import CODECS, G722, PCMA, PCMU, Codec, codecs_named
from bridge.sdp.crypto import Crypto, SrtpKeys
from bridge.sdp.description import SessionDescription
from bridge.sdp.directions import Direction
from bridge.sdp.errors import NothingInCommon, SdpError
from bridge.sdp.media import LocalMedia, Negotiated, SrtpPolicy
from bridge.sdp.media_line import MediaAddress, MediaLine, Origin
from bridge.sdp.negotiation import Negotiation

__all__ = [
    "CODECS",
    "G722",
    "PCMA",
    "PCMU",
    "Codec",
    "Crypto",
    "Direction",
    "LocalMedia",
    "MediaAddress",
    "MediaLine",
    "Negotiated",
    "Negotiation",
    "NothingInCommon",
    "Origin",
    "SdpError",
    "SessionDescription",
    "SrtpKeys",
    "SrtpPolicy",
    "codecs_named",
]
