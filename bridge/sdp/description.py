"""A session description (RFC 8866), as far as a phone call needs it; on sdp-transform."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sdp_transform  # type: ignore[import-untyped]

from bridge.sdp.codecs import STATIC_FORMATS, Format
from bridge.sdp.crypto import Crypto
from bridge.sdp.directions import (
    DIRECTIONS,
    Direction,
    direction_of,
    receives,
    sends,
)
from bridge.sdp.errors import SdpError
from bridge.sdp.lines import MAX_FORMATS, MAX_MEDIA, lines_of

_TOKEN = re.compile(r"[A-Za-z0-9_./+-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_PORT = re.compile(r"([0-9]{1,5})(?:/[0-9]{1,5})?")


class MediaAddress(NamedTuple):
    host: str
    port: int


class Origin(NamedTuple):
    """`o=`: the session's name by its maker, and the version of what is said about it."""

    username: str
    session_id: int
    version: int
    address: str


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One `m=` section; what it does not say itself is the session's (RFC 8866 section 5)."""

    kind: str
    port: int  # 0 = refused or ended
    protocol: str
    formats: tuple[str, ...]  # as written
    connection: str | None = None  # an IP address, not yet looked at
    direction: Direction = "sendrecv"
    described: tuple[Format, ...] = ()  # in the order of `formats`; what has no name is left out
    ptime: int | None = None  # ms
    maxptime: int | None = None  # ms
    rtcp: tuple[int, str | None] | None = None  # RFC 3605: port, and address where it differs
    rtcp_mux: bool = False  # RFC 5761
    cryptos: tuple[Crypto, ...] = ()
    crypto_faults: tuple[str, ...] = ()  # why the others of its crypto lines are of no use

    @property
    def is_on_hold(self) -> bool:
        """Their address is 0.0.0.0, which is hold as of RFC 2543 (RFC 3264 section 8.4)."""
        return self.connection in ("0.0.0.0", "::")

    @property
    def effective_direction(self) -> Direction:
        if not self.is_on_hold:
            return self.direction
        return direction_of(sending=sends(self.direction), receiving=False)

    @property
    def receives(self) -> bool:
        return receives(self.effective_direction)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    origin: Origin
    media: tuple[MediaLine, ...]

    @classmethod
    def parse(cls, text: str) -> SessionDescription:
        """Raises SdpError. Attributes that are not known here are ignored."""
        lines = lines_of(text)
        heads = [value for kind, value in lines if kind == "m"]
        if not heads:
            raise SdpError("The SDP has no m= line.")
        if len(heads) > MAX_MEDIA:
            raise SdpError(f"The SDP has more than {MAX_MEDIA} m= lines.")
        origins = [value for kind, value in lines if kind == "o"]
        told = [f"{kind}={value}" for kind, value in lines if kind in "acm"]
        session: dict[str, Any] = sdp_transform.parse("\r\n".join(told))
        media = [
            _media_line(head, section, session)
            for head, section in zip(heads, session["media"], strict=True)
        ]
        return cls(_origin(origins), tuple(media))

    @property
    def audio(self) -> MediaLine | None:
        """The first audio stream that is not refused."""
        return next((line for line in self.media if line.kind == "audio" and line.port), None)

    def __str__(self) -> str:
        origin = self.origin
        addresses = [line.connection for line in self.media if line.port and line.connection]
        connection = addresses[0] if addresses else origin.address
        return str(
            sdp_transform.write(
                {
                    "version": 0,
                    "origin": {
                        "username": origin.username,
                        "sessionId": origin.session_id,
                        "sessionVersion": origin.version,
                        "netType": "IN",
                        "ipVer": _ip_version(origin.address),
                        "address": origin.address,
                    },
                    "name": "-",
                    "connection": {"version": _ip_version(connection), "ip": connection},
                    "timing": {"start": 0, "stop": 0},
                    "media": [_written(line) for line in self.media],
                }
            )
        )


def _ip_version(address: str) -> int:
    return 6 if ":" in address else 4


def _origin(values: Sequence[str]) -> Origin:
    if len(values) != 1:
        raise SdpError("The SDP does not have exactly one o= line.")
    words = values[0].split()
    if len(words) < 6 or not all(_NUMBER.fullmatch(number) for number in words[-5:-3]):
        raise SdpError("The o= line of the SDP lacks a session id, a version or an address.")
    return Origin(words[0], int(words[-5]), int(words[-4]), words[-1])


def _media_line(head: str, section: Mapping[str, Any], session: Mapping[str, Any]) -> MediaLine:
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


def _written(line: MediaLine) -> dict[str, Any]:
    head = {
        "type": line.kind,
        "port": line.port,
        "protocol": line.protocol,
        "payloads": " ".join(line.formats),
    }
    if not line.port:
        return head
    body: dict[str, Any] = {
        "rtp": [
            {"payload": told.payload_type, "codec": told.encoding, "rate": told.clock_rate}
            for told in line.described
        ],
        "fmtp": [
            {"payload": told.payload_type, "config": told.parameters}
            for told in line.described
            if told.parameters
        ],
        "crypto": [
            {"id": crypto.tag, "suite": crypto.suite, "config": crypto.inline}
            for crypto in line.cryptos
        ],
        "direction": line.direction,
    }
    if line.ptime:
        body["ptime"] = line.ptime
    if line.rtcp_mux:
        body["rtcpMux"] = "rtcp-mux"
    return head | body
