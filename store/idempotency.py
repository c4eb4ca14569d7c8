"""Idempotency keys: what a tenant's key was used for, and what came of it.

A request that is done within one transaction keeps its answer here. A start of a call, which other
systems take part in, keeps the call's id, and whether that start holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from contract.identity import call_id_for_key
from store.errors import IdempotencyKeyReused
from store.first_write import insert_if_absent
from store.models import IdempotencyRow

START_WEB_CALL = "start-web-call"
START_OUTBOUND_CALL = "start-outbound-call"


class KeyState(StrEnum):
    STARTED = "started"
    SETTLED = "settled"  # about to be answered with success: nobody may undo it any more
    RELEASED = "released"  # that start failed; any next request starts anew under `attempt`


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`is_first` says that the claimant has to do the work; others attach to it."""

    call_id: str
    attempt: int
    is_first: bool
    answer: dict[str, Any] | None = None  # what a repeat's first request was told
    is_settled: bool = False  # somebody was told of success, or is about to be


@dataclass(frozen=True, slots=True)
class _Move:
    tenant_id: str
    key: str
    attempt: int
    out_of: tuple[KeyState, ...]


class IdempotencyKeys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(
        self,
        tenant_id: str,
        key: str,
        body_hash: str,
        operation: str = START_WEB_CALL,
        about: str | None = None,
    ) -> Claim:
        """For work that goes on after this transaction; `release` the key when it fails.

        `about` is the call that is worked on; without it the work starts one, whose id follows
        from the key. Raises IdempotencyKeyReused when the key came for another operation or body
        before.
        """
        call_id = about or call_id_for_key(tenant_id, key, 1)
        if await self._insert(tenant_id, key, body_hash, operation, call_id):
            return Claim(call_id=call_id, attempt=1, is_first=True)
        row, is_free = await self._taken(tenant_id, key, body_hash, operation)
        if not is_free:
            return Claim(
                call_id=row.call_id or "",
                attempt=row.attempt,
                is_first=False,
                answer=row.answer,
                is_settled=row.state == KeyState.SETTLED,
            )
        row.call_id = call_id = about or call_id_for_key(tenant_id, key, row.attempt)
        return Claim(call_id=call_id, attempt=row.attempt, is_first=True)

    async def answer_of(
        self, tenant_id: str, key: str, body_hash: str, operation: str
    ) -> dict[str, Any] | None:
        """The answer that this request got before. None: it is the first, and has to
        `keep_answer` in the same transaction, whose failure gives the key free.

        Raises IdempotencyKeyReused.
        """
        if await self._insert(tenant_id, key, body_hash, operation, None):
            return None
        row, is_free = await self._taken(tenant_id, key, body_hash, operation)
        return None if is_free else row.answer

    async def keep_answer(self, tenant_id: str, key: str, answer: dict[str, Any]) -> None:
        await self._session.execute(
            update(IdempotencyRow)
            .where(IdempotencyRow.tenant_id == tenant_id, IdempotencyRow.key_hash == _hash(key))
            .values(answer=answer)
        )

    async def settle_with(
        self, tenant_id: str, key: str, body_hash: str, answer: dict[str, Any]
    ) -> None:
        """For work that is done for all requests of one body when one of them has succeeded, even
        if another gave it up; unless the key stands for something else since."""
        await self._session.execute(
            update(IdempotencyRow)
            .where(
                IdempotencyRow.tenant_id == tenant_id,
                IdempotencyRow.key_hash == _hash(key),
                IdempotencyRow.body_hash == body_hash,
            )
            .values(answer=answer, state=KeyState.SETTLED.value)
        )

    async def settle(self, tenant_id: str, key: str, attempt: int) -> bool:
        """Before success is told to anybody. False: somebody gave that attempt up meanwhile."""
        return await self._move(
            _Move(tenant_id, key, attempt, (KeyState.STARTED, KeyState.SETTLED)),
            {"state": KeyState.SETTLED.value},
        )

    async def release(self, tenant_id: str, key: str, attempt: int) -> bool:
        """Let the key start a call again. False, and nothing done, when that attempt is settled
        or was given up before: what it started is not the caller's to undo."""
        return await self._move(
            _Move(tenant_id, key, attempt, (KeyState.STARTED,)),
            {"state": KeyState.RELEASED.value, "attempt": attempt + 1},
        )

    async def _move(self, move: _Move, values: dict[str, Any]) -> bool:
        result = await self._session.execute(
            update(IdempotencyRow)
            .where(
                IdempotencyRow.tenant_id == move.tenant_id,
                IdempotencyRow.key_hash == _hash(move.key),
                IdempotencyRow.attempt == move.attempt,
                IdempotencyRow.state.in_([state.value for state in move.out_of]),
            )
            .values(values)
        )
        assert isinstance(result, CursorResult)
        return result.rowcount == 1

    async def _insert(
        self, tenant_id: str, key: str, body_hash: str, operation: str, call_id: str | None
    ) -> bool:
        values = {
            "tenant_id": tenant_id,
            "key_hash": _hash(key),
            "operation": operation,
            "body_hash": body_hash,
            "call_id": call_id,
            "attempt": 1,
            "state": KeyState.STARTED.value,
            "created_at": datetime.now(UTC),
        }
        return await insert_if_absent(self._session, IdempotencyRow, values)

    async def _taken(
        self, tenant_id: str, key: str, body_hash: str, operation: str
    ) -> tuple[IdempotencyRow, bool]:
        """The key's row, locked, and whether it was free and is now taken for this request."""
        found = select(IdempotencyRow).where(
            IdempotencyRow.tenant_id == tenant_id, IdempotencyRow.key_hash == _hash(key)
        )
        rows = await self._session.scalars(
            found.with_for_update().execution_options(populate_existing=True)
        )
        row = rows.one()
        is_free = row.state == KeyState.RELEASED
        if is_free:
            row.state = KeyState.STARTED.value
            row.operation, row.body_hash, row.answer = operation, body_hash, None
        elif (row.operation, row.body_hash) != (operation, body_hash):
            raise IdempotencyKeyReused
        return row, is_free


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
