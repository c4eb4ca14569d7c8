"""A session description (RFC 8866), as far as a phone call needs it; on sdp-transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sdp_transform  # type: ignore[import-untyped]

from bridge.sdp.errors import SdpError
from bridge.sdp.lines import MAX_MEDIA, lines_of
from bridge.sdp.media_line import MediaLine, Origin
from bridge.sdp.reading import read_media_line, read_origin


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
            read_media_line(head, section, session)
            for head, section in zip(heads, session["media"], strict=True)
        ]
        return cls(read_origin(origins), tuple(media))

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
