"""Hold as phones did it before RFC 3264."""

from __future__ import annotations

import re

_CONNECTION = re.compile(r"^c=IN (IP4|IP6) \S+", re.MULTILINE)
_DIRECTION = re.compile(r"^a=(?:sendrecv|sendonly|recvonly|inactive)\r?\n", re.MULTILINE)
_NOWHERE = {"IP4": "0.0.0.0", "IP6": "::"}


def without_address(sdp: str) -> str:
    """c=0.0.0.0 and no direction (RFC 2543 section B.5)."""
    elsewhere = _CONNECTION.sub(lambda found: f"c=IN {found[1]} {_NOWHERE[found[1]]}", sdp)
    return _DIRECTION.sub("", elsewhere)
