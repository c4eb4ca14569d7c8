"""Starting an outbound call: the row first, then the workflow, which is not waited for.

A start that nobody knows the outcome of is taken back by its row: the workflow takes a line of the
trunk before it dials, and a line needs the row (store/lines.py). So either it has asked for one,
and the call goes on as accepted, or it finds none, and nobody is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

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
from api.idempotency import asked
from api.outbound_calls.checks import check_way
from api.outbound_calls.schemas import OutboundCallRequest
from api.parts import Parts
from api.temporal_errors import TemporalAway
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.endings import EndedReason
from contract.identity import PHONE_IDENTITY
from contract.phone import PhoneOrder
from store.api_keys import Principal
from store.assistants import Assistants, StoredAssistant
from store.calls import Calls, NewCall
from store.errors import AssistantUnknown
from store.idempotency import START_OUTBOUND_CALL, Claim
from store.models import CallRow

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _OutboundCall:
    tenant_id: str
    body: OutboundCallRequest
    task_queues: Mapping[Provider, str]  # of who dials, by what carries the phone
    assets_url: str

    def is_told(self, row: CallRow, claim: Claim) -> bool:
        return claim.is_settled or _is_under_way(row)

    def is_void(self, row: CallRow) -> bool:
        return row.status == CallStatus.ENDED and not _is_under_way(row)

    async def plan(self, session: AsyncSession, call_id: str, row: CallRow | None) -> Plan:
        """Raises AssistantUnknown, and what `check_way` does."""
        body = self.body
        assistant = await Assistants(session).get(self.tenant_id, body.assistant_id)
        if assistant is None:
            raise AssistantUnknown(body.assistant_id)
        way = await check_way(session, self.tenant_id, body)
        new = NewCall(
            call_id=call_id,
            tenant_id=self.tenant_id,
            direction=Direction.OUTBOUND,
            provider=way.provider,
            room_name=call_id,
            started_at=datetime.now(UTC),
            assistant_id=body.assistant_id,
            human_identity=PHONE_IDENTITY,
            language=body.language or assistant.language,
            record=body.record if body.record is not None else assistant.record,
            metadata=body.metadata,
            trunk_id=body.trunk_id,
            to_number=body.to_number,
            from_number=way.from_number,
        )
        order = PhoneOrder(
            trunk_id=body.trunk_id,
            to_number=body.to_number,
            from_number=way.from_number,
            ringing_timeout_seconds=way.ringing_timeout_seconds,
            queue_seconds=body.queue_seconds,
            dtmf=body.dtmf or "",
            headers=dict(body.headers),
            attributes=dict(body.attributes),
            task_queue=self.task_queues[way.provider],
        )
        return Plan(new=new, request=_call_request(new, assistant, body, order, self.assets_url))


async def start_outbound_call(
    parts: Parts, principal: Principal, body: OutboundCallRequest, key: str | None
) -> StartedCall:
    """Raises AssistantUnknown, IdempotencyKeyReused, Unavailable, and what `check_way` does."""
    # With a secret: the body has a number, which a bare hash would let others guess.
    request = asked(
        parts.settings.call_token_secret, principal.tenant_id, key, START_OUTBOUND_CALL, body
    )
    task_queues = {
        Provider.BRIDGE: parts.settings.bridge_task_queue,
        Provider.LIVEKIT_SIP: parts.settings.sip_task_queue,
    }
    assets_url = parts.settings.media_assets_url
    kind = _OutboundCall(principal.tenant_id, body, task_queues, assets_url)
    async with parts.database.session() as session:
        start = await claim_start(session, request, kind, parts.settings.start_timeout)
    bind_contextvars(call_id=start.call_id)
    if start.plan is not None:
        try:
            await parts.workflows.start(start.plan.request)
        except TemporalAway:
            if await _take_back(parts, start, start.plan):
                raise
        else:
            if key is not None:
                async with parts.database.session() as session:
                    await settle_start(session, start)
    log.info("outbound_call_started", replayed=start.is_replay)
    return StartedCall(call_id=start.call_id, room_name=start.call_id, replayed=start.is_replay)


async def _take_back(parts: Parts, start: Start, plan: Plan) -> bool:
    """Whether this request's start is given up; nothing of it is left then, and its key is free.
    False: Temporal took it, and the call is under way."""
    async with parts.database.session() as session:
        row = await Calls(session).get_held(start.call_id)
        if row is not None and _is_under_way(row):
            await settle_start(session, start)
            return False
        if not await release_start(session, start, outcome_is_known=False):
            return True
        if row is not None and row.status == CallStatus.QUEUED:
            await Calls(session).delete(start.call_id)
    parts.until_answered.keep(start.call_id, lambda: withdraw_later(parts, plan.new))
    log.warning("outbound_call_not_started")
    return True


def _is_under_way(row: CallRow) -> bool:
    """Whether its workflow has shown itself, and may have dialled."""
    if row.line_asked_at is not None:
        return True
    if row.status == CallStatus.ENDED:
        return row.ended_reason != EndedReason.CANCELLED
    return row.status != CallStatus.QUEUED


def _call_request(
    call: NewCall,
    assistant: StoredAssistant,
    body: OutboundCallRequest,
    order: PhoneOrder,
    assets_url: str,
) -> CallRequest:
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
        max_duration_seconds=body.max_duration_seconds or assistant.max_duration_seconds,
        max_hold_seconds=assistant.max_hold_seconds,
        transcribe=assistant.transcribe,
        media=assistant.media(assets_url),
        phone=order,
    )
