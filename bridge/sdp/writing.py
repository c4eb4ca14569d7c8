"""Our own media lines: the audio of an offer or an answer, and lines refused in their place."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.sdp.codecs import CLOCK_RATE, EVENTS, TELEPHONE_EVENT, Codec, Format
from bridge.sdp.crypto import Crypto
from bridge.sdp.directions import Direction
from bridge.sdp.media import LocalMedia
from bridge.sdp.media_line import MediaLine


def audio_line(
    local: LocalMedia,
    codecs: Sequence[tuple[int, Codec]],
    event: int | None,
    direction: Direction,
    *,
    protocol: str = "RTP/AVP",
    rtcp_mux: bool = False,
    cryptos: tuple[Crypto, ...] = (),
) -> MediaLine:
    """`codecs` and `event` with the payload types to be used, in order of preference."""
    described = [Format(number, codec.name, CLOCK_RATE) for number, codec in codecs]
    if event is not None:
        described.append(Format(event, TELEPHONE_EVENT, CLOCK_RATE, parameters=EVENTS))
    return MediaLine(
        kind="audio",
        port=local.port,
        protocol=protocol,
        formats=tuple(str(told.payload_type) for told in described),
        connection=local.address,
        direction=direction,
        described=tuple(described),
        ptime=local.ptime,
        rtcp_mux=rtcp_mux,
        cryptos=cryptos,
    )


def refused(line: MediaLine) -> MediaLine:
    """The same line with port 0: it keeps its place for good (RFC 3264 sections 6 and 8.2)."""
    return MediaLine(line.kind, 0, line.protocol, line.formats)
