"""SIPp scenarios out of small files: `<use part="…"/>` stands for a file in `parts/`.

Attributes fill `{name}` in the part, text inside of the element is `{headers}`, and `sdp="…"` makes
`{body}`. `{ours}` and `{theirs}` are From and To of SIPp's own requests, which differ by role.
`<repeat count="…">` fills `{odd}` and `{even}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Role = Literal["carrier", "caller"]

FOLDER = Path(__file__).parent
_USE = re.compile(
    r'<use part="(?P<part>[\w-]+)"(?P<attributes>[^>]*?)'
    r"(?:/>|>\s*<!\[CDATA\[(?P<headers>.*?)\]\]>\s*</use>)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_REPEAT = re.compile(
    r'<repeat count="(\d+)">\s*<!\[CDATA\[(.*?)\]\]>\s*</repeat>',
    re.DOTALL,
)
_NAMES: dict[Role, dict[str, str]] = {
    "carrier": {"ours": "[$phone];tag=[pid]x[call_number]", "theirs": "[$bridge]"},
    "caller": {
        "ours": "<sip:+919876543210@[local_ip]:[local_port]>;tag=[pid]x[call_number]",
        "theirs": "<sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]",
    },
}
# SIPp itself forgives one mention only of this name.
_UNUSED = "_"


def scenario(role: Role, name: str, fill: Mapping[str, str] | None = None) -> str:
    """The scenario `{role}/{name}.xml` as SIPp reads it, with what `fill` has for `{…}`."""
    text = (FOLDER / role / f"{name}.xml").read_text(encoding="utf-8")
    for placeholder, value in (fill or {}).items():
        text = text.replace(f"{{{placeholder}}}", value)
    text = _REPEAT.sub(_repeated, text)
    while _USE.search(text):
        text = _USE.sub(_used, text)
    text = text.replace("{sdp}", sdp("sendrecv", "1"))
    for placeholder, value in _NAMES[role].items():
        text = text.replace(f"{{{placeholder}}}", value)
    kept = sorted(set(re.findall(r'assign_to="(\w+)"', text)) - {_UNUSED})
    if kept:  # SIPp takes a variable that is named once for a misspelling
        reference = f'  <Reference variables="{",".join(kept)}"/>\n'
        text = text.replace("</scenario>", f"{reference}</scenario>")
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n{text}'


def sdp(kind: str, version: str) -> str:
    """SIPp's own description. `kind` is a direction, `session-` and a direction, or one of
    `silent` (no direction at all), `zero` (c=0.0.0.0, RFC 2543's hold) and `video`."""
    session, media = "", f"a={kind}\n"
    if kind.startswith("session-"):
        session, media = f"a={kind.removeprefix('session-')}\n", ""
    elif kind in ("silent", "zero"):
        media = ""
    address = "IP4 0.0.0.0" if kind == "zero" else "IP[media_ip_type] [media_ip]"
    head = f"v=0\no=sipp 7 {version} IN IP[local_ip_type] [local_ip]\ns=-\nc=IN {address}\nt=0 0\n"
    if kind == "video":
        return f"{head}m=video [media_port] RTP/AVP 96\na=rtpmap:96 VP8/90000\n"
    return (
        f"{head}{session}m=audio [media_port] RTP/AVP 0 8 101\na=rtpmap:0 PCMU/8000\n"
        f"a=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n{media}"
    )


def _used(use: re.Match[str]) -> str:
    attributes = dict(_ATTRIBUTE.findall(use["attributes"]))
    kind = attributes.get("sdp")
    if kind is None:
        body = "Content-Length: 0\n"
    else:
        description = sdp(kind, attributes.get("cseq", "0"))
        body = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{description}"
    headers = "".join(f"{line.strip()}\n" for line in (use["headers"] or "").strip().splitlines())
    text = (FOLDER / "parts" / f"{use['part']}.xml").read_text(encoding="utf-8")
    # An empty line would end the headers.
    text = text.replace("{headers}\n", headers).replace("{body}\n", body)
    for name, value in ({"tag": ""} | attributes).items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _repeated(repeat: re.Match[str]) -> str:
    return "".join(
        repeat[2].replace("{odd}", str(2 * turn + 1)).replace("{even}", str(2 * turn + 2))
        for turn in range(int(repeat[1]))
    )
