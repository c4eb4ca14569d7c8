"""URIs, addresses, Via and parameters: read in linear time, kept as they were written.

sipmessage's own types are not used for these: they refuse valid hosts (`pc33`), split quoted lists
(`qop="auth,auth-int"`), and write parameters otherwise than they came, while a route set must go
back byte by byte (RFC 3261 section 12.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|[^"<,;]+|[,;]', re.DOTALL)
_URI = re.compile(r"[^\s<>\"\x00-\x1f\x7f]+")
_HOST = re.compile(r"[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\]")
_PORT = re.compile(r"[0-9]{1,5}")
_VIA = re.compile(r"\s*SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+([^;]+)(.*)", re.I | re.S)

Parameters = dict[str, str | None]
"""By lower-case name; quotes taken off; None for a parameter without a value."""


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def split(text: str, separator: str) -> list[str]:
    """Parts between `separator` (a comma or semicolon), stripped; quotes and <…> are not cut."""
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts, start = [], 0
    for position, piece in _pieces(text):
        if piece == separator:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    position = 0
    while position < len(text):
        found = _PIECES.match(text, position)
        if found is None:
            raise ValueError("A quoted string or an address has no end.")
        yield position, found[0]
        position = found.end()


def unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def parameters(text: str, separator: str = ";") -> Parameters:
    """Of `;name=value;name` or, with a comma, of `name=value, name="value"`."""
    found: Parameters = {}
    parts = split(text, separator) if text.strip() else []
    for number, part in enumerate(parts):
        if not part:
            # Before the first there is nothing, and some end with one separator too many.
            if separator == ";" and 0 < number < len(parts) - 1:
                raise ValueError("There is a parameter of nothing.")
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not name or any(character.isspace() for character in name):
            raise ValueError("A parameter has no valid name.")
        found.setdefault(name, unquoted(value.strip()) if equals else None)
    return found


def _host_and_port(text: str) -> tuple[str, int | None]:
    found = _HOST.match(text)
    if found is None:
        raise ValueError("A host is no host.")
    rest = text[found.end() :]
    if not rest:
        return found[0].strip("[]"), None
    if rest[0] != ":" or not _PORT.fullmatch(rest[1:]) or not 0 < int(rest[1:]) < 65536:
        raise ValueError("A port is no port.")
    return found[0].strip("[]"), int(rest[1:])


@dataclass(frozen=True, slots=True)
class Uri:
    """`raw` is what was read; the others are what we need of it."""

    raw: str
    scheme: str
    user: str
    host: str
    port: int | None
    parameters: Parameters

    @classmethod
    def parse(cls, raw: str) -> Uri:
        """A `sip`, `sips` or `tel` URI in full, of others the scheme only."""
        return _uri(raw)

    @property
    def is_sip(self) -> bool:
        return self.scheme in ("sip", "sips")


@lru_cache(maxsize=1024)
def _uri(raw: str) -> Uri:
    scheme, colon, rest = raw.partition(":")
    scheme = scheme.lower()
    if not colon or not scheme.isascii() or not _TOKEN.fullmatch(scheme) or not rest:
        raise ValueError("A URI has no scheme.")
    if not _URI.fullmatch(raw):
        raise ValueError("A URI has a character that no URI has.")
    if scheme not in ("sip", "sips"):
        subscriber = rest.partition(";")[0] if scheme == "tel" else ""
        return Uri(raw, scheme, subscriber, "", None, {})
    user, at, host = rest.partition("@")
    if not at:
        user, host = "", rest
    host = host.partition("?")[0]
    host, _, rest = host.partition(";")
    name, port = _host_and_port(host)
    return Uri(raw, scheme, unquote(user.partition(":")[0]), name, port, parameters(rest))


@dataclass(frozen=True, slots=True)
class NameAddress:
    """From, To, Contact, Route, Refer-To: `"name" <uri>;parameter=value`."""

    display: str
    uri: str
    parameters: Parameters

    @classmethod
    def parse(cls, text: str) -> NameAddress:
        text = text.strip()
        quoted = _QUOTED.match(text)
        start = text.find("<", quoted.end() if quoted else 0)
        if start < 0:
            if quoted or '"' in text.partition(";")[0]:
                raise ValueError("An address has a name and no URI.")
            uri, _, rest = text.partition(";")
            return cls("", _checked(uri.strip()), parameters(rest))
        end = text.find(">", start)
        display = text[:start].strip()
        if end < 0 or ('"' in display and not _QUOTED.fullmatch(display)):
            raise ValueError("A quoted string or an address has no end.")
        rest = text[end + 1 :].lstrip()
        if rest and rest[0] != ";":
            raise ValueError("After an address come parameters or nothing.")
        return cls(unquoted(display), _checked(text[start + 1 : end].strip()), parameters(rest))

    @property
    def tag(self) -> str | None:
        return self.parameters.get("tag")


def _checked(uri: str) -> str:
    Uri.parse(uri)
    return uri


@dataclass(frozen=True, slots=True)
class Via:
    transport: str
    host: str
    port: int | None
    parameters: Parameters

    @classmethod
    def parse(cls, text: str) -> Via:
        found = _VIA.fullmatch(text)
        if found is None:
            raise ValueError("A Via is no Via.")
        host, port = _host_and_port("".join(found[2].split()))
        return cls(found[1].upper(), host, port, parameters(found[3]))

    @property
    def branch(self) -> str:
        return self.parameters.get("branch") or ""
