"""Which addresses assets may come from."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from yarl import URL

from agents.media_bot.playback.bad_asset import BadAsset
from contract.tool_targets import ToolTargets

_LONGEST = 2048
_PUBLIC = ToolTargets()
_ANYWHERE = ToolTargets((IPv4Network("0.0.0.0/0"), IPv6Network("::/0")))


@dataclass(frozen=True, slots=True)
class AssetPlace:
    url: URL
    targets: ToolTargets  # where its connection may lead


@dataclass(frozen=True, slots=True)
class AssetHosts:
    """`allowed`: hosts of the operator's own, in lower case, with a port or without. They need no
    https and may be private; everybody else's are public and have it."""

    allowed: frozenset[str] = frozenset()

    def place(self, text: str) -> AssetPlace:
        """Raises BadAsset for what is refused as it is written; the rest is looked at again when
        it is connected to."""
        url = _read(text)
        host = host_of(url)
        if not self.allowed.isdisjoint({host, host.rpartition(":")[0]}):
            return AssetPlace(url, _ANYWHERE)
        if url.scheme != "https":
            raise BadAsset("its address is not an https one")
        if not _PUBLIC.allow_host(url.host or ""):
            raise BadAsset("its address is not public")
        return AssetPlace(url, _PUBLIC)


def host_of(url: URL) -> str:
    """`host:port`, as operators name it, and the only part of an address that is told or logged:
    the rest may hold a signature."""
    host = f"[{url.host}]" if ":" in (url.host or "") else url.host
    return f"{host}:{url.port}"


def named_host(text: str) -> str:
    """The same of an address that may be anything; empty if it has none."""
    try:
        return host_of(_read(text))
    except BadAsset:
        return ""


def _read(text: str) -> URL:
    if not text:
        raise BadAsset("no address was given")
    # yarl repairs some of what is malformed; what needs repair is not meant well. Written out, a
    # backslash and a host that other parsers see elsewhere have no place in it.
    plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>^`{|}')
    if not plain or len(text) > _LONGEST:
        raise BadAsset("its address is malformed")
    try:
        url = URL(text)
        host = url.host
    except ValueError:
        raise BadAsset("its address is malformed") from None
    if not host or url.scheme not in ("http", "https"):
        raise BadAsset("its address is not an https one")
    if url.raw_user is not None or url.raw_password is not None:
        raise BadAsset("its address has a user or a password in it")
    if not url.port or "%" in host:
        raise BadAsset("its address is malformed")
    return url
