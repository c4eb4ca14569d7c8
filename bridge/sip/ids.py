"""Everything random about signalling, in one place: tests pass a seeded one."""

from __future__ import annotations

import random
import secrets

MAGIC_COOKIE = "z9hG4bK"
"""RFC 3261 section 8.1.1.7."""


class Ids:
    """Names and waits that nobody can guess, or, with a seed, always the same ones."""

    def __init__(self, seed: int | None = None) -> None:
        self._random: random.Random = (
            secrets.SystemRandom() if seed is None else random.Random(seed)
        )

    def branch(self) -> str:
        return MAGIC_COOKIE + self._text(80)

    def tag(self) -> str:
        return self._text(64)

    def call_id(self) -> str:
        return self._text(128)

    def secret(self) -> str:
        return self._text(128)

    def cseq(self) -> int:
        """First CSeq of a dialog: below 2**31 with room for every request (section 8.1.1.5)."""
        return self._random.randrange(1, 1 << 16)

    def glare_wait(self, owns_call_id: bool) -> float:
        """Seconds before an offer that met 491 is made again (section 14.1), in steps of 10 ms."""
        return (
            self._random.randint(210, 400) / 100
            if owns_call_id
            else (self._random.randint(0, 200) / 100)
        )

    def retry_after(self) -> int:
        """Seconds, 0 to 10, for the 500 to an overlapping re-INVITE (section 14.2)."""
        return self._random.randint(0, 10)

    def _text(self, bits: int) -> str:
        return f"{self._random.getrandbits(bits):0{bits // 4}x}"
