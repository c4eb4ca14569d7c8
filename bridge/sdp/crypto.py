"""`a=crypto` lines: keys of SRTP in the description, RFC 4568."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
KEY_BYTES = 30  # 16 of master key, 14 of salt: RFC 4568 section 6.2
_MAX_TAG = 999_999_999


@dataclass(frozen=True, slots=True)
class Crypto:
    """One offered or chosen suite with its sender's key."""

    tag: int
    suite: str
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, tag: object, suite: object, parameters: object) -> Crypto:
        """Raises ValueError for what cannot be used, with a sentence that holds no key."""
        if not isinstance(tag, int) or not 0 <= tag <= _MAX_TAG:
            raise ValueError("The tag of a crypto line is not a number of up to nine digits.")
        if suite not in SUITES:
            raise ValueError(f"The crypto suite {str(suite)[:40]!r} is not supported.")
        keys = str(parameters).split(";")
        if len(keys) > 1:
            raise ValueError("A crypto line with several keys is not supported.")
        method, _, info = keys[0].partition(":")
        key, *rest = info.split("|")
        if method != "inline":
            raise ValueError("The key of a crypto line is not inline.")
        if any(":" in part for part in rest):
            raise ValueError("A crypto line with a master key identifier is not supported.")
        try:
            raw = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("The key of a crypto line is not base64.") from None
        if len(raw) != KEY_BYTES:
            raise ValueError(f"The key of a crypto line has not {KEY_BYTES} bytes.")
        return cls(tag, str(suite), raw)

    @property
    def inline(self) -> str:
        return f"inline:{base64.b64encode(self.key).decode()}"


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What both sides of an encrypted stream use (RFC 4568: each sender names its own key)."""

    suite: str
    ours: bytes = field(repr=False)
    theirs: bytes = field(repr=False)
