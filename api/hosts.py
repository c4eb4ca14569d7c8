"""A host: a name or an IP address, and nothing around it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field

# RFC 1123 section 2.1; the last label is not a number, or the name would be an IPv4 address.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"({_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?")


def checked_host(host: str) -> str:
    """Raises ValueError with a sentence."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    if "://" in host or host.lower().startswith(("sip:", "sips:")):
        raise ValueError("must be a name or an IP address alone, without a scheme")
    if any(character.isspace() for character in host):
        raise ValueError("must not contain white space")
    if re.fullmatch(r"[^:]+:[0-9]+|\[.*\](:[0-9]+)?", host):
        raise ValueError("must be without brackets and port; the port has a field of its own")
    if "@" in host or "/" in host or _NAME.fullmatch(host) is None:
        raise ValueError("is neither the name of a host nor an IP address")
    return host.lower()


Host = Annotated[
    str,
    Field(min_length=1, max_length=253, examples=["sip.carrier.example"]),
    AfterValidator(checked_host),
]
