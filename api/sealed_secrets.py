"""Secrets of tenants that are kept for use: sealed, or not at all."""

from __future__ import annotations

from contract.errors import Conflict


class NoPayloadKeys(Conflict):
    code = "no-payload-keys"

    def __init__(self, what_is: str, without: str) -> None:
        super().__init__(
            f"{what_is} only ever kept encrypted, and this installation has no key for it: set "
            f"PAYLOAD_KEYS, or write {without}."
        )
