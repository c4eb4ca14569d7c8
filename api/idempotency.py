"""The `Idempotency-Key` header: one key leads to one outcome."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel

REPLAYED = "Idempotent-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="The same key with the same body is the same request; use a fresh UUID.",
        examples=["9f2c1b1e-6f0a-4b0e-9a57-3f1f1c7f7a11"],
    ),
]


def body_hash(body: BaseModel) -> str:
    """Of the body as it was understood, so that white space and key order do not matter."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()
