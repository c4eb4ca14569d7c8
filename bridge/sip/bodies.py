"""What bodies say: SDP (also as one part of several), digits by INFO, progress by NOTIFY."""

from __future__ import annotations

import re

from bridge.sip.grammar import parameters
from bridge.sip.message import Request, Response

SDP = "application/sdp"
DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"
SIPFRAG = "message/sipfrag"

DEFAULT_DIGIT_MS = 160
_MOST_DIGIT_MS = 10_000
_MOST_PARTS = 16
_BY_NUMBER = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_FRAGMENT = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?", re.IGNORECASE)


class UnsupportedBody(ValueError):
    """415: the body is of a type, or an encoding, that we do not read."""


def media_type(message: Request | Response) -> str:
    return (message.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


def sdp_of(message: Request | Response) -> str | None:
    """None without a body, or with one that its sender lets us ignore (RFC 3261 section 20.11)."""
    if not message.body.strip():
        return None
    encoding = (message.headers.get("Content-Encoding") or "identity").strip().lower()
    kind = media_type(message)
    if encoding == "identity" and kind == SDP:
        return _text(message.body)
    if encoding == "identity" and kind.startswith("multipart/"):
        found = _part(message)
        if found is not None:
            return found
    if "handling=optional" in (message.headers.get("Content-Disposition") or "").replace(" ", ""):
        return None
    raise UnsupportedBody(f"A body of type {kind or 'unknown'}.")


def sdp_if_any(message: Request | Response) -> str | None:
    """Where a body of another kind is as good as none: in answers and ACKs."""
    try:
        return sdp_of(message)
    except UnsupportedBody:
        return None


def _part(message: Request | Response) -> str | None:
    """The SDP of a multipart body (RFC 5621), as SIP-I peers send it beside their ISUP."""
    _, _, rest = (message.headers.get("Content-Type") or "").partition(";")
    try:
        boundary = parameters(rest).get("boundary")
    except ValueError:
        boundary = None
    if not boundary:
        raise UnsupportedBody("A body of several parts without their boundary.")
    parts = message.body.split(b"--" + boundary.encode("utf-8", "surrogateescape"), _MOST_PARTS)
    for part in parts[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip() in (b"content-type", b"c") and (
                value.partition(b";")[0].strip() == SDP.encode()
            ):
                return _text(body.removesuffix(b"\r\n"))
    return None


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def digit_of(message: Request) -> tuple[str, int]:
    """One digit and its length in ms. Raises ValueError, or UnsupportedBody for another type."""
    kind, text = media_type(message), _text(message.body[:256]).strip()
    duration = DEFAULT_DIGIT_MS
    if kind == DTMF:
        signal = text
    elif kind == DTMF_RELAY:
        fields: dict[str, str] = {}
        for line in text.splitlines():
            name, _, value = line.partition("=")
            fields[name.strip().lower()] = value.strip()
        signal = fields.get("signal", "")
        told = fields.get("duration", "")
        if told.isascii() and told.isdigit() and len(told) < 7 and int(told):
            duration = min(int(told), _MOST_DIGIT_MS)
    else:
        raise UnsupportedBody(f"An INFO with a body of type {kind or 'unknown'}.")
    signal = _BY_NUMBER.get(signal, signal.upper())
    if len(signal) != 1 or signal not in "0123456789*#ABCD":
        raise ValueError("The INFO names no digit.")
    return signal, duration


def digit_body(digit: str, ms: int) -> str:
    if len(digit) != 1 or digit.upper() not in "0123456789*#ABCD":
        raise ValueError(f"{digit!r} is no DTMF digit.")
    return f"Signal={digit.upper()}\r\nDuration={ms}\r\n"


def fragment_of(message: Request) -> tuple[int, str]:
    """Status and phrase of a `message/sipfrag` (RFC 3420). Raises ValueError."""
    found = _FRAGMENT.match(_text(message.body[:512]).strip())
    if media_type(message) != SIPFRAG or found is None:
        raise ValueError("The NOTIFY has no status line.")
    return int(found[1]), found[2] or ""
