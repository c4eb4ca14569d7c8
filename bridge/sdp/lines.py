"""A description's text in lines, its limits checked before anything is built from it."""

from __future__ import annotations

from bridge.sdp.errors import SdpError

MAX_BODY = 64 * 1024  # characters
MAX_LINES = 1000
MAX_LINE = 2048  # characters
MAX_MEDIA = 16
MAX_FORMATS = 64  # of one media line

# All that we understand; what else is there is another side's business and is ignored.
_ATTRIBUTES = {
    *("rtpmap", "fmtp", "ptime", "maxptime", "crypto", "rtcp", "rtcp-mux"),
    *("sendrecv", "sendonly", "recvonly", "inactive"),
}


def lines_of(text: str) -> list[tuple[str, str]]:
    """The lines that matter, as (type, value). Raises SdpError."""
    if len(text) > MAX_BODY:
        raise SdpError(f"The SDP is longer than {MAX_BODY} characters.")
    if text.count("\n") > MAX_LINES:
        raise SdpError(f"The SDP has more than {MAX_LINES} lines.")
    kept: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line:
            continue
        if len(line) > MAX_LINE:
            raise SdpError(f"Line {number} of the SDP is longer than {MAX_LINE} characters.")
        if len(line) < 2 or line[1] != "=" or not "a" <= line[0] <= "z":
            raise SdpError(f"Line {number} of the SDP is not of the form x=value.")
        if "\0" in line or "\r" in line:
            raise SdpError(f"Line {number} of the SDP holds a control character.")
        if not kept and line.rstrip() != "v=0":
            raise SdpError("The SDP does not begin with v=0.")
        if _matters(line):
            kept.append((line[0], line[2:].strip()))
    if not kept:
        raise SdpError("The SDP is empty.")
    return kept


def _matters(line: str) -> bool:
    if line[0] == "a":
        name = line[2:].partition(":")[0].strip()
        return name in _ATTRIBUTES and line.isascii() and line.isprintable()
    if line[0] in "cm" and not (line.isascii() and line.replace("\t", " ").isprintable()):
        raise SdpError(f"The {line[0]}= line of the SDP holds characters that are not ASCII.")
    return line[0] in "vocm"
