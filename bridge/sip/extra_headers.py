"""Headers that our user wants in a message: none that the stack writes, none that breaks it."""

from __future__ import annotations

from collections.abc import Mapping

from sipmessage.message import COMPACT_FORMS

from bridge.sip.grammar import NameAddress, Uri, is_token

_THE_STACKS = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "max-forwards", "contact", "route"),
        *("record-route", "content-length", "content-type", "rseq", "rack", "session-expires"),
        *("authorization", "proxy-authorization"),
    }
)


def checked(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Raises ValueError."""
    for name, value in (headers or {}).items():
        meant = COMPACT_FORMS.get(name.lower(), name).lower()
        if not is_token(name) or meant in _THE_STACKS:
            raise ValueError(f"{name!r} is no header that can be added.")
        in_one_line(value, name)
    return dict(headers or {})


def in_one_line(value: str, what: str) -> str:
    if any(character in value for character in "\r\n\0"):
        raise ValueError(f"{what} has a line end in it.")
    return value


def checked_uri(uri: str) -> str:
    """A SIP URI that can be a Request-URI. Raises ValueError."""
    if not Uri.parse(uri).is_sip:
        raise ValueError(f"{uri!r} is no SIP URI.")
    return uri


def checked_address(text: str) -> str:
    """A From or To without tag, always in the form with `<…>`. Raises ValueError."""
    address = NameAddress.parse(in_one_line(text, "An address"))
    if address.parameters:
        raise ValueError("An address of ours has no parameters of its own.")
    if not address.display:
        return f"<{address.uri}>"
    escaped = address.display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address.uri}>'
