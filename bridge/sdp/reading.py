"""From what sdp-transform found in the lines to what they mean; every doubt is an SdpError."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.sdp.codecs import STATIC_FORMATS, Format
from bridge.sdp.crypto import Crypto
from bridge.sdp.directions import DIRECTIONS, Direction
from bridge.sdp.errors import SdpError
from bridge.sdp.lines import MAX_FORMATS
from bridge.sdp.media_line import MediaLine, Origin

_TOKEN = re.compile(r"[A-Za-z0-9_./+-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_PORT = re.compile(r"([0-9]{1,5})(?:/[0-9]{1,5})?")


def read_origin(values: Sequence[str]) -> Origin:
    if len(values) != 1:
        raise SdpError("The SDP does not have exactly one o= line.")
    words = values[0].split()
    if len(words) < 6 or not all(_NUMBER.fullmatch(number) for number in words[-5:-3]):
        raise SdpError("The o= line of the SDP lacks a session id, a version or an address.")
    return Origin(words[0], int(words[-5]), int(words[-4]), words[-1])


def read_media_line(head: str, section: Mapping[str, Any], session: Mapping[str, Any]) -> MediaLine:
    words = head.split()
    if len(words) < 4 or not (_TOKEN.fullmatch(words[0]) and _TOKEN.fullmatch(words[2])):
        raise SdpError("An m= line of the SDP lacks its kind, port, protocol or formats.")
    kind, port, protocol, *formats = words
    numbers = _PORT.fullmatch(port)
    if numbers is None or int(numbers[1]) > 65535:
        raise SdpError("An m= line of the SDP has a port that is none.")
    if len(formats) > MAX_FORMATS:
        raise SdpError(f"An m= line of the SDP has more than {MAX_FORMATS} formats.")
    if not all(_TOKEN.fullmatch(name) for name in formats):
        raise SdpError("An m= line of the SDP has a format that is no token.")
    connection = section.get("connection") or session.get("connection") or {}
    usable, faults = _cryptos(section)
    return MediaLine(
        kind=kind,
        port=int(numbers[1]),
        protocol=protocol,
        formats=tuple(formats),
        connection=_address(connection.get("ip")),
        direction=_direction(section) or _direction(session) or "sendrecv",
        described=_described(formats, section) if protocol.count("RTP/") else (),
        ptime=_milliseconds(section.get("ptime")),
        maxptime=_milliseconds(section.get("maxptime")),
        rtcp=_rtcp(section),
        rtcp_mux="rtcpMux" in section,
        cryptos=usable,
        crypto_faults=faults,
    )


def _address(told: object) -> str | None:
    """In the one way to write it, where it is an IP address at all."""
    if told is None:
        return None
    try:
        return str(ipaddress.ip_address(str(told)))
    except ValueError:
        return str(told)


def _direction(section: Mapping[str, Any]) -> Direction | None:
    told = section.get("direction")
    return next((direction for direction in DIRECTIONS if direction == told), None)


def _described(formats: Sequence[str], section: Mapping[str, Any]) -> tuple[Format, ...]:
    maps = {told.get("payload"): told for told in section.get("rtp", ())}
    parameters = {told.get("payload"): told.get("config") for told in section.get("fmtp", ())}
    found = []
    for name in formats:
        if not name.isdigit() or int(name) > 127:
            continue
        number = int(name)
        told = maps.get(number)
        if told is None:
            if number in STATIC_FORMATS:
                found.append(STATIC_FORMATS[number])
            continue
        rate, channels = told.get("rate"), told.get("encoding", 1)
        if isinstance(rate, int) and isinstance(channels, int) and rate > 0:
            config = str(parameters.get(number) or "")
            found.append(Format(number, str(told.get("codec")), rate, channels, config))
    return tuple(dict.fromkeys(found))


def _milliseconds(value: object) -> int | None:
    """Whole milliseconds; what makes no sense counts as not said: it is only a wish."""
    if isinstance(value, float) and value == value and abs(value) < 1000:
        value = int(value)
    return value if isinstance(value, int) and 0 < value <= 1000 else None


def _rtcp(section: Mapping[str, Any]) -> tuple[int, str | None] | None:
    told = section.get("rtcp") or {}
    port, address = told.get("port"), told.get("address")
    if not isinstance(port, int) or not 0 < port <= 65535:
        return None
    if address is None:
        return port, None
    try:
        return port, str(ipaddress.ip_address(str(address)))
    except ValueError:
        return None


def _cryptos(section: Mapping[str, Any]) -> tuple[tuple[Crypto, ...], tuple[str, ...]]:
    usable: list[Crypto] = []
    faults: list[str] = []
    for told in section.get("crypto", ()):
        if told.get("sessionConfig"):
            faults.append("Session parameters of a crypto line are not supported.")
            continue
        try:
            usable.append(Crypto.parse(told.get("id"), told.get("suite"), told.get("config")))
        except ValueError as error:
            faults.append(str(error))
    return tuple(usable), tuple(faults)
