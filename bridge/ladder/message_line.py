"""One SIP message as a ladder has it: what it is, in a few words, masked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.ladder.masking import mask_text

_LONGEST = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_DIRECTION = re.compile(rb"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", re.MULTILINE)
_ZERO = re.compile(rb"^c=IN IP4 0\.0\.0\.0\s*$", re.MULTILINE)
_AUDIO = re.compile(rb"^m=audio \S+ \S+ ([\d ]+)", re.MULTILINE)
_CODEC = re.compile(rb"^a=rtpmap:(\d+) ([\w.+-]+)/", re.MULTILINE)
_STATIC = {b"0": b"PCMU", b"3": b"GSM", b"8": b"PCMA", b"9": b"G722", b"18": b"G729"}
_HEADER = re.compile(rb"^([!-9;-~]+)[ \t]*:[ \t]*(.*?)[ \t]*$")
_COMPACT = {b"i": b"call-id", b"c": b"content-type", b"r": b"refer-to"}


@dataclass(frozen=True, slots=True)
class MessageLine:
    """`call_id` is the SIP Call-ID, empty when there is none to read."""

    text: str
    call_id: str
    is_request: bool


def message_line(message: bytes) -> MessageLine:
    """Of whatever came or went, also of what is no SIP; never raises."""
    head, _, body = message.partition(b"\r\n\r\n")
    first, *rest = head.split(b"\r\n")[:65]
    headers: dict[bytes, bytes] = {}
    for line in rest:
        if found := _HEADER.match(line):
            name = found[1].lower()
            headers.setdefault(_COMPACT.get(name, name), found[2])
    is_request = not first.startswith(b"SIP/2.0 ")
    words = [_summary(first, headers, is_request=is_request), *_more(headers, body)]
    shown = _CONTROL.sub("\ufffd", mask_text(" ".join(filter(None, words))))
    call_id = headers.get(b"call-id", b"").decode("utf-8", "replace")
    return MessageLine(shown[:_LONGEST], call_id, is_request)


def _summary(first: bytes, headers: dict[bytes, bytes], *, is_request: bool) -> str:
    text = first.decode("utf-8", "replace")
    if is_request:
        method, _, rest = text.partition(" ")
        return f"{method} {rest.rpartition(' ')[0]}" if method in ("INVITE", "REFER") else method
    method = headers.get(b"cseq", b"").decode("ascii", "replace").partition(" ")[2]
    return f"{text.removeprefix('SIP/2.0 ')} ({method})"


def _more(headers: dict[bytes, bytes], body: bytes) -> list[str]:
    more = []
    if refer_to := headers.get(b"refer-to"):
        more.append("to " + refer_to.decode("utf-8", "replace"))
    if reason := headers.get(b"reason"):
        more.append("· " + reason.decode("utf-8", "replace"))
    kind = headers.get(b"content-type", b"").lower()
    if kind.startswith(b"application/sdp"):
        more.append(_of_sdp(body))
    elif kind.startswith(b"message/sipfrag"):
        # Without the version, whose digits would be taken for the beginning of a number.
        more.append("· " + body[:60].decode("utf-8", "replace").strip().removeprefix("SIP/2.0 "))
    elif kind.startswith(b"application/dtmf"):
        more.append("· DTMF")  # digits may be a PIN
    return more


def _of_sdp(body: bytes) -> str:
    directions = _DIRECTION.findall(body)
    direction = directions[-1].decode() if directions else "sendrecv"
    audio = _AUDIO.search(body)
    names = _STATIC | dict(_CODEC.findall(body))
    codecs = [names[each].decode() for each in (audio[1].split() if audio else ()) if each in names]
    zero = ", c=0.0.0.0" if _ZERO.search(body) else ""
    return f"[{direction}{zero}{', ' if codecs else ''}{' '.join(codecs)}]"
