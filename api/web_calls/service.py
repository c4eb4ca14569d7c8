"""Starting a web call: the row first, then the workflow; and back again when nobody answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import bind_contextvars

from api.idempotency import body_hash
from api.parts import Parts
from api.temporal_errors import CallEnded, TemporalAway, WorkerAbsent
from api.web_calls.schemas import WebCallRequest
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.errors import Unavailable
from contract.identity import new_call_id
from contract.steps import WriteRecord
from store.api_keys import Principal
from store.assistants import Assistants, StoredAssistant
from store.calls import Calls, NewCall
from store.errors import AssistantUnknown
from store.idempotency import Claim, IdempotencyKeys
from store.models import CallRow

_TIME_TO_WITHDRAW = timedelta(seconds=0.3)

# What a request needs besides its wait for Temporal, the clocks of several replicas included.
_TIME_TO_SETTLE = timedelta(seconds=2)

_WITHDRAWN = CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, "The call was withdrawn.")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedCall:
    call_id: str
    room_name: str
    replayed: bool
    room_sid: str | None  # None: written down already


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    claim: Claim
    new: NewCall
    request: CallRequest
    is_settled: bool  # its start was answered before
    is_abandoned: bool  # its first request waits no more, and did not tell what came of it


async def start_web_call(
    parts: Parts, principal: Principal, body: WebCallRequest, key: str | None
) -> StartedCall:
    """Raises AssistantUnknown, IdempotencyKeyReused, Unavailable."""
    async with parts.database.session() as session:
        start = await _claim(session, principal, body, key, parts.settings.start_timeout)
    bind_contextvars(call_id=start.new.call_id)
    call_id, replayed = start.new.call_id, not start.claim.is_first
    room_sid = None
    if not start.is_settled:
        try:
            room_sid = (await parts.workflows.open(start.request)).room_sid
        except CallEnded as over:
            await _give_up(parts, start, key, over)
            raise Unavailable("The call ended before its room was ready; try again.") from None
        except Unavailable as failure:
            await _give_up(parts, start, key, failure)
            raise
        if key is not None:
            await _settle(parts, start, key, room_sid)
    log.info("web_call_started", replayed=replayed)
    return StartedCall(
        call_id=call_id,
        room_name=start.new.room_name,
        replayed=replayed,
        room_sid=room_sid if key is None else None,
    )


async def _claim(
    session: AsyncSession,
    principal: Principal,
    body: WebCallRequest,
    key: str | None,
    start_timeout: timedelta,
) -> _Start:
    """In one transaction: which call this request leads to, and its row if it is the first."""
    claim = Claim(call_id=new_call_id(), attempt=1, is_first=True)
    keys = IdempotencyKeys(session)
    if key is not None:
        claim = await keys.claim(principal.tenant_id, key, body_hash(body))
    row = None if claim.is_first else await Calls(session).get(claim.call_id)
    if (
        key is not None
        and row is not None
        and _is_over_unannounced(row)
        # Not when its start was announced after all: then the key is settled.
        and await keys.release(principal.tenant_id, key, claim.attempt)
    ):
        claim, row = await keys.claim(principal.tenant_id, key, body_hash(body)), None
    assistant = await Assistants(session).get(principal.tenant_id, body.assistant_id)
    if assistant is None and row is None:
        raise AssistantUnknown(body.assistant_id)
    new = _new_call(principal, claim.call_id, body, assistant)
    if claim.is_first:
        await Calls(session).insert(new)
    return _Start(
        claim=claim,
        new=new,
        request=_call_request(new, assistant),
        is_settled=row is not None
        and (row.room_sid != "" or row.status != CallStatus.QUEUED or assistant is None),
        is_abandoned=row is not None
        and datetime.now(UTC) - row.started_at > start_timeout + _TIME_TO_SETTLE,
    )


def _is_over_unannounced(row: CallRow) -> bool:
    return row.status == CallStatus.ENDED and row.room_sid == ""


async def _settle(parts: Parts, start: _Start, key: str, room_sid: str) -> None:
    """From here on no other request with this key takes the call back. Raises Unavailable when
    one has done so already."""
    who = (start.new.tenant_id, key, start.claim.attempt)
    async with parts.database.session() as session:
        if not await IdempotencyKeys(session).settle(*who):
            raise Unavailable("Another request with this key gave the call up; try again.")
        await Calls(session).set_room_sid(start.new.call_id, room_sid)


async def _give_up(parts: Parts, start: _Start, key: str | None, failure: Exception) -> None:
    """Leave nothing behind that was not announced, and let the key start a call again."""
    call_id = start.new.call_id
    if key is not None and not await _is_ours_to_undo(parts, start, key, failure):
        return
    is_there: bool | None = True  # the workflow: it ends by itself, and its row says how
    if isinstance(failure, WorkerAbsent):
        is_there = await _withdraw(parts, call_id)
    elif isinstance(failure, TemporalAway):
        is_there = None  # not even Temporal knows
    if not is_there:
        async with parts.database.session() as session:
            await Calls(session).delete(call_id)
    if is_there is None:
        parts.until_answered.keep(call_id, lambda: _withdraw_later(parts, start.new))
    log.warning("web_call_not_started", reason=type(failure).__name__)


async def _is_ours_to_undo(parts: Parts, start: _Start, key: str, failure: Exception) -> bool:
    """Releases the key if so. Before anything else is undone: of a request that succeeds and one
    that fails, whichever comes first to the key's row decides for both."""
    unknown = isinstance(failure, WorkerAbsent | TemporalAway)
    if unknown and not start.claim.is_first and not start.is_abandoned:
        return False  # the first one may succeed yet, and gives up by itself if not
    who = (start.new.tenant_id, key, start.claim.attempt)
    async with parts.database.session() as session:
        return await IdempotencyKeys(session).release(*who)


async def _withdraw(parts: Parts, call_id: str) -> bool | None:
    try:
        return await parts.workflows.withdraw(call_id, _TIME_TO_WITHDRAW)
    except TemporalAway:
        return None


async def _withdraw_later(parts: Parts, call: NewCall) -> None:
    """Temporal may have taken the start before it fell silent: then the call gets its row back
    and ends as cancelled."""
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


def _new_call(
    principal: Principal, call_id: str, body: WebCallRequest, assistant: StoredAssistant | None
) -> NewCall:
    record = body.record if body.record is not None else bool(assistant and assistant.record)
    return NewCall(
        call_id=call_id,
        tenant_id=principal.tenant_id,
        direction=Direction.WEB,
        provider=Provider.WEB,
        room_name=call_id,
        started_at=datetime.now(UTC),
        assistant_id=body.assistant_id,
        participant_name=body.participant_name,
        language=body.language or (assistant.language if assistant else None),
        record=record,
        metadata=body.metadata,
    )


def _call_request(call: NewCall, assistant: StoredAssistant | None) -> CallRequest:
    return CallRequest(
        call_id=call.call_id,
        tenant_id=call.tenant_id,
        direction=call.direction,
        provider=call.provider,
        room_name=call.room_name,
        requested_at=call.started_at,
        assistant_id=call.assistant_id,
        human_identity=call.human_identity,
        language=call.language,
        record=call.record,
        max_duration_seconds=assistant.max_duration_seconds if assistant else 3600.0,
    )
