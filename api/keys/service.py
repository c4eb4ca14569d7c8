"""Making a key, which is shown once and kept as a hash."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from api.idempotency import Asked
from api.keys.schemas import KeyCreate, KeyCreated, KeyRead
from contract.errors import Conflict
from store.api_keys import ApiKeys
from store.idempotency import IdempotencyKeys


class KeyShownOnce(Conflict):
    """To repeat the first answer we would have to keep the key."""

    code = "key-shown-once"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"This request has made the key {key_id} already, which was shown once and is not "
            "kept. If it got lost, revoke it and ask again with a new Idempotency-Key."
        )


async def create_key(session: AsyncSession, request: Asked, body: KeyCreate) -> KeyCreated:
    """Raises KeyShownOnce, IdempotencyKeyReused."""
    repeats = IdempotencyKeys(session)
    if request.key is not None:
        kept = await repeats.answer_of(
            request.tenant_id, request.key, request.fingerprint, request.operation
        )
        if kept is not None:
            raise KeyShownOnce(kept["id"])
    key, stored = await ApiKeys(session).issue(
        request.tenant_id, body.role, body.name, body.expires_at
    )
    read = KeyRead.model_validate(stored)
    if request.key is not None:
        await repeats.keep_answer(request.tenant_id, request.key, {"id": stored.id})
    return KeyCreated(**read.model_dump(), key=key)
