"""Idempotency keys: which call a tenant's key led to, and whether that start holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from contract.identity import call_id_for_key
from store.errors import IdempotencyKeyReused
from store.first_write import insert_if_absent
from store.models import IdempotencyRow


class KeyState(StrEnum):
    STARTED = "started"
    RELEASED = "released"  # that start failed; the next request starts anew under `attempt`


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`is_first` says that the claimant has to start the call; others attach to it."""

    call_id: str
    attempt: int
    is_first: bool


class IdempotencyKeys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, tenant_id: str, key: str, body_hash: str) -> Claim:
        """Raises IdempotencyKeyReused when the key came with another body before."""
        values = {
            "tenant_id": tenant_id,
            "key_hash": _hash(key),
            "body_hash": body_hash,
            "call_id": call_id_for_key(tenant_id, key, 1),
            "attempt": 1,
            "state": KeyState.STARTED.value,
            "created_at": datetime.now(UTC),
        }
        if await insert_if_absent(self._session, IdempotencyRow, values):
            return Claim(call_id=str(values["call_id"]), attempt=1, is_first=True)
        row = await self._locked(tenant_id, key)
        if row.body_hash != body_hash:
            raise IdempotencyKeyReused
        if row.state == KeyState.STARTED:
            return Claim(call_id=row.call_id, attempt=row.attempt, is_first=False)
        row.state = KeyState.STARTED.value
        row.call_id = call_id_for_key(tenant_id, key, row.attempt)
        return Claim(call_id=row.call_id, attempt=row.attempt, is_first=True)

    async def release(self, tenant_id: str, key: str, attempt: int) -> None:
        """Let the key start a call again; of several releases of one attempt the first counts."""
        await self._session.execute(
            update(IdempotencyRow)
            .where(
                IdempotencyRow.tenant_id == tenant_id,
                IdempotencyRow.key_hash == _hash(key),
                IdempotencyRow.attempt == attempt,
                IdempotencyRow.state == KeyState.STARTED.value,
            )
            .values(state=KeyState.RELEASED.value, attempt=attempt + 1)
        )

    async def _locked(self, tenant_id: str, key: str) -> IdempotencyRow:
        found = select(IdempotencyRow).where(
            IdempotencyRow.tenant_id == tenant_id, IdempotencyRow.key_hash == _hash(key)
        )
        rows = await self._session.scalars(
            found.with_for_update().execution_options(populate_existing=True)
        )
        return rows.one()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
