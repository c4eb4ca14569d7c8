"""Short secrets at rest, sealed with the payload keys: AES-256-GCM as text."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "s1"
_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2


class Sealing:
    """Seals with the first key, opens with whichever key the text names (rotation).

    `place` says where a secret is kept; sealed text that was moved elsewhere does not open there.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("Sealing needs at least one payload key.")
        self._key_id = next(iter(keys))
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}

    def seal(self, secret: str, place: str) -> str:
        """`s1.<key id in base64>.<nonce and sealed bytes in base64>`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._key_id].encrypt(nonce, secret.encode(), place.encode())
        return f"{_VERSION}.{_text(self._key_id.encode())}.{_text(nonce + sealed)}"

    def is_current(self, text: str) -> bool:
        """Whether the first key sealed it; any other one may be dropped one day."""
        return text.startswith(f"{_VERSION}.{_text(self._key_id.encode())}.")

    def open(self, text: str, place: str) -> str:
        """Raises ValueError, which repeats nothing of the secret."""
        try:
            version, key_id, encoded = text.split(".")
            key_id = base64.urlsafe_b64decode(key_id).decode()
            content = base64.urlsafe_b64decode(encoded)
        except (binascii.Error, ValueError):
            raise ValueError("This is no sealed text.") from None
        if version != _VERSION:
            raise ValueError("This is no sealed text.")
        if key_id not in self._ciphers:
            raise ValueError(f"No payload key has the id {key_id!r}.")
        nonce, sealed = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        try:
            return self._ciphers[key_id].decrypt(nonce, sealed, place.encode()).decode()
        except (InvalidTag, ValueError):
            raise ValueError(
                f"The sealed text does not open here with the key {key_id!r}."
            ) from None


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()
