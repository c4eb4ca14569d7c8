"""Hold as some phones write it: the same offer in other words."""

from __future__ import annotations

import re

_CONNECTION = re.compile(r"^c=IN (IP4|IP6) \S+", re.MULTILINE)
_DIRECTION = re.compile(r"^(a=(?:sendrecv|sendonly|recvonly|inactive)\r?\n)", re.MULTILINE)
_FIRST_MEDIA = re.compile(r"^m=", re.MULTILINE)
_NOWHERE = {"IP4": "0.0.0.0", "IP6": "::"}


def without_address(sdp: str) -> str:
    """c=0.0.0.0 and no direction (RFC 2543 section B.5)."""
    elsewhere = _CONNECTION.sub(lambda found: f"c=IN {found[1]} {_NOWHERE[found[1]]}", sdp)
    return _DIRECTION.sub("", elsewhere)


def with_direction_of_session(sdp: str) -> str:
    """The direction stands before the first m= line, which inherits it (RFC 8866 section 6.7)."""
    found = _DIRECTION.search(sdp)
    if found is None:
        return sdp
    return _FIRST_MEDIA.sub(f"{found[1]}m=", _DIRECTION.sub("", sdp), count=1)
