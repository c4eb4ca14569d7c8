"""Can this stream be had? One audio line of the other side against what we bring."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.sdp.codecs import Codec, Format
from bridge.sdp.crypto import Crypto
from bridge.sdp.description import SessionDescription
from bridge.sdp.errors import NothingInCommon
from bridge.sdp.media import LocalMedia
from bridge.sdp.media_line import MediaAddress, MediaLine

PLAIN = ("RTP/AVP", "RTP/AVPF")
SECURE = ("RTP/SAVP", "RTP/SAVPF")


@dataclass(frozen=True, slots=True)
class Fit:
    """A line that can be had, and what of it."""

    line: MediaLine
    codecs: tuple[tuple[Format, Codec], ...]  # in their order
    event: Format | None
    cryptos: tuple[Crypto, ...]  # none for plain RTP

    @property
    def remote(self) -> MediaAddress:
        assert self.line.connection is not None
        return MediaAddress(self.line.connection, self.line.port)

    @property
    def remote_rtcp(self) -> MediaAddress | None:
        if self.line.rtcp_mux:
            return None
        port, host = self.line.rtcp or (min(self.line.port + 1, 65535), None)
        return MediaAddress(host or self.remote.host, port)


def first_fit(offer: SessionDescription, local: LocalMedia) -> tuple[int, Fit]:
    """The first audio line that can be had, and its place. Raises NothingInCommon: all reasons."""
    reasons: list[str] = []
    for index, line in enumerate(offer.media):
        if line.kind != "audio" or not line.port:
            continue
        try:
            return index, fit(line, local)
        except NothingInCommon as error:
            reasons.append(str(error))
    raise NothingInCommon(" ".join(dict.fromkeys(reasons)) or "No audio is offered.")


def fit(line: MediaLine, local: LocalMedia) -> Fit:
    """Raises NothingInCommon."""
    _reachable(line, local)
    cryptos = _protection(line, local)
    codecs = tuple(
        (told, codec) for told in line.described for codec in local.codecs if told.is_codec(codec)
    )
    if not codecs:
        ours = ", ".join(codec.name for codec in local.codecs)
        raise NothingInCommon(f"None of the codecs is one of ours ({ours}).")
    event = next((told for told in line.described if told.is_telephone_event), None)
    return Fit(line, codecs, event, cryptos)


def _reachable(line: MediaLine, local: LocalMedia) -> None:
    if line.connection is None:
        raise NothingInCommon("The audio has no c= line.")
    try:
        address = ipaddress.ip_address(line.connection)
    except ValueError:
        raise NothingInCommon("The c= line names no IP address; names are not looked up.") from None
    if address.version != ipaddress.ip_address(local.address).version:
        raise NothingInCommon(f"The audio is on IPv{address.version}, ours is not.")
    if address.is_multicast or str(address) == "255.255.255.255":
        raise NothingInCommon("The c= line names a group, not one receiver.")


def _protection(line: MediaLine, local: LocalMedia) -> tuple[Crypto, ...]:
    if line.protocol in PLAIN:
        if local.srtp == "required":
            raise NothingInCommon("Plain RTP is refused here: SRTP is required.")
        return ()
    if line.protocol not in SECURE:
        raise NothingInCommon(
            f"The transport {line.protocol} is not supported: RTP/AVP, or RTP/SAVP with a=crypto."
        )
    if local.srtp == "refused":
        raise NothingInCommon("SRTP is refused here: offer RTP/AVP.")
    if not line.cryptos:
        reasons: Sequence[str] = line.crypto_faults or ("RTP/SAVP without an a=crypto line.",)
        raise NothingInCommon(reasons[0])
    return line.cryptos
