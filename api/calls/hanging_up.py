"""A hang-up under an Idempotency-Key: one key is one update of the call's workflow."""

from __future__ import annotations

import hashlib

from pydantic import TypeAdapter

from api.idempotency import Asked
from api.parts import Parts
from contract.calls import HangupAnswer, HangupCommand
from contract.errors import PlatformError
from store.idempotency import IdempotencyKeys

_ANSWER = TypeAdapter(HangupAnswer)


async def hang_up_once(
    parts: Parts, request: Asked, call_id: str, command: HangupCommand
) -> tuple[HangupAnswer, bool]:
    """The answer, and whether it is a replay.

    Raises IdempotencyKeyReused; CallEnded, WorkerAbsent, TemporalAway, which free the key unless
    another request with it succeeds.
    """
    assert request.key is not None
    who = (request.tenant_id, request.key)
    async with parts.database.session() as session:
        claim = await IdempotencyKeys(session).claim(
            *who, request.fingerprint, request.operation, about=call_id
        )
    if claim.answer is not None:
        return _ANSWER.validate_python(claim.answer), True
    # One id: repeats that come before the answer is kept lead to the same update.
    update_id = "hangup-" + hashlib.sha256(request.key.encode()).hexdigest()[:32]
    try:
        answer = await parts.workflows.hang_up(call_id, command, update_id)
    except PlatformError:
        if claim.is_first:
            async with parts.database.session() as session:
                await IdempotencyKeys(session).release(*who, claim.attempt)
        raise
    kept = _ANSWER.dump_python(answer, mode="json")
    async with parts.database.session() as session:
        await IdempotencyKeys(session).settle_with(*who, request.fingerprint, kept)
    return answer, not claim.is_first
