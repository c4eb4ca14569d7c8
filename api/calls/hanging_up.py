"""A hang-up under an Idempotency-Key: one key is one update of the call's workflow."""

from __future__ import annotations

import hashlib

from api.idempotency import Asked
from api.parts import Parts
from contract.calls import HangupAnswer, HangupCommand
from contract.errors import PlatformError
from store.idempotency import IdempotencyKeys


async def hang_up_once(
    parts: Parts, request: Asked, call_id: str, command: HangupCommand
) -> tuple[HangupAnswer, bool]:
    """The answer, and whether it is a replay.

    Raises IdempotencyKeyReused; CallEnded, WorkerAbsent, TemporalAway, which free the key.
    """
    assert request.key is not None
    who = (request.tenant_id, request.key)
    async with parts.database.session() as session:
        claim = await IdempotencyKeys(session).claim(
            *who, request.fingerprint, request.operation, about=call_id
        )
    # Temporal remembers answers by update id, also of calls that have ended since.
    update_id = "hangup-" + hashlib.sha256(request.key.encode()).hexdigest()[:32]
    try:
        answer = await parts.workflows.hang_up(call_id, command, update_id)
    except PlatformError:
        async with parts.database.session() as session:
            await IdempotencyKeys(session).release(*who, claim.attempt)
        raise
    return answer, not claim.is_first
