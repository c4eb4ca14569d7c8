"""What all starts of calls share: the key's claim, the row before the workflow, the way back.

One key leads to one call. Of a request that succeeds and one that gives up, whichever comes first
to the key's row decides for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from api.idempotency import Asked
from api.parts import Parts
from contract.calls import CallRequest, CallStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.errors import Unavailable
from contract.identity import new_call_id
from contract.steps import WriteRecord
from store.calls import Calls, NewCall
from store.idempotency import Claim, IdempotencyKeys
from store.models import CallRow

# What a request needs besides its wait for Temporal, the clocks of several replicas included.
_TIME_TO_SETTLE = timedelta(seconds=2)

_WITHDRAWN = CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, "The call was withdrawn.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A call as it is to be started."""

    new: NewCall
    request: CallRequest


class Kind(Protocol):
    """What one kind of call knows of its starts."""

    def is_told(self, row: CallRow, claim: Claim) -> bool:
        """Its start was answered with success, or may have been."""

    def is_void(self, row: CallRow) -> bool:
        """It is over and nobody was told that it began: the key may start another one."""

    async def plan(self, session: AsyncSession, call_id: str, row: CallRow | None) -> Plan | None:
        """Raises what is wrong with the request. None when that cannot be planned any more which
        has its row already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`plan` is None for a call that needs no start any more."""

    asked: Asked
    claim: Claim
    plan: Plan | None
    is_abandoned: bool  # its first request waits no more, and did not tell what came of it

    @property
    def call_id(self) -> str:
        return self.claim.call_id

    @property
    def is_replay(self) -> bool:
        return not self.claim.is_first


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedCall:
    call_id: str
    room_name: str
    replayed: bool


async def claim_start(
    session: AsyncSession, asked: Asked, kind: Kind, start_timeout: timedelta
) -> Start:
    """In one transaction: which call this request leads to, and its row if it is the first.

    Raises IdempotencyKeyReused, and what `kind.plan` does.
    """
    claim = Claim(call_id=new_call_id(), attempt=1, is_first=True)
    keys = IdempotencyKeys(session)
    if asked.key is not None:
        claim = await _claim_key(keys, asked)
    row = None if claim.is_first else await Calls(session).get(claim.call_id)
    if (
        asked.key is not None
        and row is not None
        and kind.is_void(row)
        # Not when its start was announced after all: then the key is settled.
        and await keys.release(asked.tenant_id, asked.key, claim.attempt)
    ):
        claim, row = await _claim_key(keys, asked), None
    plan = None
    if row is None or not kind.is_told(row, claim):
        plan = await kind.plan(session, claim.call_id, row)
    if claim.is_first:
        assert plan is not None
        await Calls(session).insert(plan.new)
    return Start(
        asked=asked,
        claim=claim,
        plan=plan,
        is_abandoned=row is not None
        and datetime.now(UTC) - row.started_at > start_timeout + _TIME_TO_SETTLE,
    )


async def settle_start(session: AsyncSession, start: Start) -> None:
    """From here on no other request with this key takes the call back. Raises Unavailable when
    one has done so already."""
    key = start.asked.key
    if key is not None and not await IdempotencyKeys(session).settle(
        start.asked.tenant_id, key, start.claim.attempt
    ):
        raise Unavailable("Another request with this key gave the call up; try again.")


async def release_start(session: AsyncSession, start: Start, *, outcome_is_known: bool) -> bool:
    """Whether the start is this request's to undo; its key, if any, is free then. Before anything
    else is undone."""
    if start.asked.key is None:
        return True
    if not outcome_is_known and start.is_replay and not start.is_abandoned:
        return False  # the first one may succeed yet, and gives up by itself if not
    return await IdempotencyKeys(session).release(
        start.asked.tenant_id, start.asked.key, start.claim.attempt
    )


async def withdraw_later(parts: Parts, call: NewCall) -> None:
    """Temporal may have taken the start before it fell silent: then the call gets its row back
    and ends as cancelled. Raises TemporalAway."""
    if await parts.workflows.withdraw(call.call_id, timedelta(seconds=3)):
        async with parts.database.session() as session:
            if await Calls(session).get(call.call_id) is None:
                await Calls(session).insert(call)
                # Its workflow has found no row and will not write one.
                await Calls(session).write(
                    WriteRecord(
                        call_id=call.call_id,
                        status=CallStatus.ENDED,
                        ended_at=datetime.now(UTC),
                        ending=_WITHDRAWN,
                        talk_seconds=0.0,
                    )
                )


async def _claim_key(keys: IdempotencyKeys, asked: Asked) -> Claim:
    assert asked.key is not None
    return await keys.claim(asked.tenant_id, asked.key, asked.fingerprint, asked.operation)
