"""Starting a web call: the row first, then the workflow; and back again when nobody answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import bind_contextvars

from api.call_starts import (
    Plan,
    Start,
    StartedCall,
    claim_start,
    release_start,
    settle_start,
    withdraw_later,
)
from api.idempotency import Asked, body_hash
from api.parts import Parts
from api.temporal_errors import CallEnded, TemporalAway, WorkerAbsent
from api.web_calls.schemas import WebCallRequest
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.errors import Unavailable
from store.api_keys import Principal
from store.assistants import Assistants, StoredAssistant
from store.calls import Calls, NewCall
from store.errors import AssistantUnknown
from store.idempotency import START_WEB_CALL, Claim
from store.models import CallRow

_TIME_TO_WITHDRAW = timedelta(seconds=0.3)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedWebCall(StartedCall):
    room_sid: str | None  # None: written down already


@dataclass(frozen=True, slots=True)
class _WebCall:
    principal: Principal
    body: WebCallRequest
    assets_url: str

    def is_told(self, row: CallRow, claim: Claim) -> bool:
        return row.room_sid != "" or row.status != CallStatus.QUEUED

    def is_void(self, row: CallRow) -> bool:
        return row.status == CallStatus.ENDED and row.room_sid == ""

    async def plan(self, session: AsyncSession, call_id: str, row: CallRow | None) -> Plan | None:
        """Raises AssistantUnknown."""
        body, tenant_id = self.body, self.principal.tenant_id
        assistant = await Assistants(session).get(tenant_id, body.assistant_id)
        if assistant is None:
            if row is None:
                raise AssistantUnknown(body.assistant_id)
            return None
        new = NewCall(
            call_id=call_id,
            tenant_id=tenant_id,
            direction=Direction.WEB,
            provider=Provider.WEB,
            room_name=call_id,
            started_at=datetime.now(UTC),
            assistant_id=body.assistant_id,
            participant_name=body.participant_name,
            language=body.language or assistant.language,
            record=body.record if body.record is not None else assistant.record,
            metadata=body.metadata,
        )
        return Plan(new=new, request=_call_request(new, assistant, self.assets_url))


async def start_web_call(
    parts: Parts, principal: Principal, body: WebCallRequest, key: str | None
) -> StartedWebCall:
    """Raises AssistantUnknown, IdempotencyKeyReused, Unavailable."""
    asked = Asked(
        tenant_id=principal.tenant_id,
        key=key,
        operation=START_WEB_CALL,
        fingerprint=body_hash(body),
    )
    kind = _WebCall(principal, body, parts.settings.media_assets_url)
    async with parts.database.session() as session:
        start = await claim_start(session, asked, kind, parts.settings.start_timeout)
    bind_contextvars(call_id=start.call_id)
    room_sid = None
    if start.plan is not None:
        room_sid = await _open(parts, start, start.plan)
        if key is not None:
            async with parts.database.session() as session:
                await settle_start(session, start)
                await Calls(session).set_room_sid(start.call_id, room_sid)
    log.info("web_call_started", replayed=start.is_replay)
    return StartedWebCall(
        call_id=start.call_id,
        room_name=start.call_id,
        replayed=start.is_replay,
        room_sid=room_sid if key is None else None,
    )


async def _open(parts: Parts, start: Start, plan: Plan) -> str:
    """The room's sid, once it is ready. Raises Unavailable, having left nothing behind."""
    try:
        return (await parts.workflows.open(plan.request)).room_sid
    except CallEnded as over:
        await _give_up(parts, start, plan.new, over)
        raise Unavailable("The call ended before its room was ready; try again.") from None
    except Unavailable as failure:
        await _give_up(parts, start, plan.new, failure)
        raise


async def _give_up(parts: Parts, start: Start, call: NewCall, failure: Exception) -> None:
    """Leave nothing behind that was not announced, and let the key start a call again."""
    is_known = not isinstance(failure, WorkerAbsent | TemporalAway)
    async with parts.database.session() as session:
        if not await release_start(session, start, outcome_is_known=is_known):
            return
    is_there: bool | None = True  # the workflow: it ends by itself, and its row says how
    if isinstance(failure, WorkerAbsent):
        is_there = await _withdraw(parts, call.call_id)
    elif isinstance(failure, TemporalAway):
        is_there = None  # not even Temporal knows
    if not is_there:
        async with parts.database.session() as session:
            await Calls(session).delete(call.call_id)
    if is_there is None:
        parts.until_answered.keep(call.call_id, lambda: withdraw_later(parts, call))
    log.warning("web_call_not_started", reason=type(failure).__name__)


async def _withdraw(parts: Parts, call_id: str) -> bool | None:
    try:
        return await parts.workflows.withdraw(call_id, _TIME_TO_WITHDRAW)
    except TemporalAway:
        return None


def _call_request(call: NewCall, assistant: StoredAssistant, assets_url: str) -> CallRequest:
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
        max_duration_seconds=assistant.max_duration_seconds,
        max_hold_seconds=assistant.max_hold_seconds,
        transcribe=assistant.transcribe,
        media=assistant.media(assets_url),
    )
