"""The timeline as it grows, by server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Reader
from api.calls.schemas import TimelineItem
from api.calls.service import CallInPath, recording_of
from api.edge.rate_limit import bearer_of
from api.parts import FromParts, Parts
from contract.calls import CallStatus, RecordingStatus
from store.api_keys import ApiKeys, hash_key
from store.calls import Calls
from store.models import CallRow, EventRow
from store.recordings import Recordings

router = APIRouter(prefix="/calls", tags=["calls"])

_LOOK_EVERY = 0.25
_LET_IN_FOR = 3.0  # seconds, until the key is looked at again
_LAST_STEP = "bill_settled"  # of a call's wrap-up
# A wrap-up that takes longer than this is broken, and its followers need not wait for it.
_WRAP_UP_TAKES = timedelta(minutes=2)
_UNSETTLED = (RecordingStatus.PENDING, RecordingStatus.RECORDING, RecordingStatus.FINALISING)


async def _place_for_a_stream(
    request: Request, parts: FromParts, principal: Reader
) -> AsyncIterator[str]:
    """The follower's key."""
    key = bearer_of(request.scope)
    # FastAPI comes back here when the stream has ended, whoever ended it.
    with parts.open_streams.one_more(hash_key(key), principal.tenant_id):
        yield key


PlaceForAStream = Annotated[str, Depends(_place_for_a_stream)]


@router.get(
    "/{call_id}/events",
    summary="The timeline as it grows",
    response_class=EventSourceResponse,
)
async def stream_events(
    call: CallInPath,
    parts: FromParts,
    key: PlaceForAStream,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=2**31 - 1, description="Resume after this `seq`.", examples=[7]),
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Each event's `id` is its `seq`. A comment every 15 s while nothing happens. Ends after the
    call's last event, and within seconds of the key's end."""
    seen, tenant_id, let_in = last_event_id or 0, call.tenant_id, time.monotonic()
    while True:
        if time.monotonic() - let_in > _LET_IN_FOR:
            if not await _is_valid(parts, key, tenant_id):
                return
            let_in = time.monotonic()
        events, is_over = await _look(parts, call.call_id, tenant_id, seen)
        for event in events:
            item = TimelineItem.model_validate(event)
            yield ServerSentEvent(id=str(item.seq), raw_data=item.model_dump_json())
            seen = item.seq
        if is_over:
            return
        await asyncio.sleep(_LOOK_EVERY)


async def _is_valid(parts: Parts, key: str, tenant_id: str) -> bool:
    async with parts.database.reader() as session:
        principal = await ApiKeys(session).principal(key)
    return principal is not None and principal.tenant_id == tenant_id


async def _look(
    parts: Parts, call_id: str, tenant_id: str, seen: int
) -> tuple[list[EventRow], bool]:
    # One snapshot: what is over in it has all its events in it.
    async with parts.database.reader() as session:
        call = await Calls(session).get(call_id, tenant_id)
        if call is None:  # withdrawn meanwhile, or an adopted room's call found its tenant
            return [], True
        events = await Calls(session).events(call_id, after_seq=seen)
        return events, await _is_told(session, call)


async def _is_told(session: AsyncSession, call: CallRow) -> bool:
    """Nothing will be added to this call's timeline any more."""
    if call.status != CallStatus.ENDED or call.ended_at is None:
        return False
    if datetime.now(UTC) - call.ended_at > _WRAP_UP_TAKES:
        return True
    recording = recording_of(call, await Recordings(session).get(call.call_id))
    return recording.status not in _UNSETTLED and await Calls(session).has_event(
        call.call_id, _LAST_STEP
    )
