"""The `Idempotency-Key` header: one key leads to one outcome."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from store.idempotency import IdempotencyKeys

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

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a POST asks for, and under which key. `operation` and body make the request's
    identity; one key of a tenant stands for one of them."""

    tenant_id: str
    key: str | None
    operation: str
    fingerprint: str


def asked(
    secret: str, tenant_id: str, key: str | None, operation: str, body: BaseModel | None
) -> Asked:
    # With a secret, because a body may hold a password, which a bare hash lets others guess.
    text = f"{operation}\0{_canonical(body) if body is not None else ''}"
    fingerprint = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return Asked(tenant_id=tenant_id, key=key, operation=operation, fingerprint=fingerprint)


async def once(
    session: AsyncSession, request: Asked, kind: type[T], make: Callable[[], Awaitable[T]]
) -> tuple[T, bool]:
    """The answer, and whether it is a replay. For what is done within this one transaction: when
    that fails, the key is free again. Raises IdempotencyKeyReused, and whatever `make` does."""
    if request.key is None:
        return await make(), False
    keys = IdempotencyKeys(session)
    who = (request.tenant_id, request.key)
    kept = await keys.answer_of(*who, request.fingerprint, request.operation)
    if kept is not None:
        return kind.model_validate(kept), True
    made = await make()
    await keys.keep_answer(*who, made.model_dump(mode="json"))
    return made, False


def body_hash(body: BaseModel) -> str:
    """Of the body as it was understood, so that white space and key order do not matter."""
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _canonical(body: BaseModel) -> str:
    # Free-form members, such as a call's metadata, come in whatever order the client wrote them.
    return json.dumps(body.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
