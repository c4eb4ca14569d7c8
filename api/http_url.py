"""Addresses that tenants write down for us to ask."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_http_url(url: str) -> str:
    """Raises ValueError with what it must be."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise ValueError("must be a URL that begins with http:// or https:// and has a host")
    if parts.username or parts.password:
        raise ValueError("must not carry a user or password")
    if any(character.isspace() or ord(character) < 0x21 for character in url):
        raise ValueError("must not contain white space")
    return url


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
