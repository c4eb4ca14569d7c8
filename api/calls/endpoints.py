from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Reader
from api.calls.schemas import (
    CallPageRead,
    CallRead,
    Timeline,
    TimelineItem,
    Transcript,
    TranscriptTurn,
)
from api.calls.service import CallInPath, read_call, summary_of
from api.fields import Moment
from api.pages import Cursor, Limit
from api.parts import FromParts
from api.retention.reading import kept_of
from contract.calls import CallStatus, Direction, RecordingStatus
from contract.endings import EndedReason
from contract.retention import Kept
from store.call_pages import CallPage
from store.calls import Calls
from store.erasures import Erasures
from store.transcripts import Transcripts

router = APIRouter(prefix="/calls", tags=["calls"])


@router.get("", summary="Calls, newest first")
async def list_calls(
    parts: FromParts,
    principal: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: CallStatus | None = None,
    direction: Direction | None = None,
    assistant_id: Annotated[str | None, Query(max_length=64)] = None,
    trunk_id: Annotated[str | None, Query(max_length=64)] = None,
    ended_reason: EndedReason | None = None,
    recording_status: RecordingStatus | None = None,
    started_after: Annotated[Moment | None, Query(examples=["2026-11-21T00:00:00Z"])] = None,
) -> CallPageRead:
    page = CallPage(
        tenant_id=principal.tenant_id,
        limit=limit,
        cursor=cursor,
        status=status,
        direction=direction,
        assistant_id=assistant_id,
        trunk_id=trunk_id,
        ended_reason=ended_reason,
        recording_status=recording_status,
        started_after=started_after,
    )
    async with parts.database.reader() as session:
        found = await Calls(session).list(page)
    items = [summary_of(parts.settings, row, recording) for row, recording in found.items]
    return CallPageRead(items=items, next_cursor=found.next_cursor)


@router.get("/{call_id}", summary="One call")
async def get_call(call: CallInPath, parts: FromParts) -> CallRead:
    return await read_call(parts, call)


@router.get("/{call_id}/timeline", summary="What happened, step by step")
async def get_timeline(call: CallInPath, parts: FromParts) -> Timeline:
    """In the order of `at`; `/events` has it in the order of `seq`, as it was written."""
    async with parts.database.reader() as session:
        events = await Calls(session).events(call.call_id)
    # Facts arrive late and in any order; what happened is told in the order it happened in.
    in_time = sorted(events, key=lambda event: (event.at, event.seq))
    return Timeline(items=[TimelineItem.model_validate(event) for event in in_time])


@router.get("/{call_id}/transcript", summary="What was said, in spoken order")
async def get_transcript(call: CallInPath, parts: FromParts) -> Transcript:
    async with parts.database.reader() as session:
        turns = await Transcripts(session).list(call.call_id)
        kept = kept_of(await Erasures(session).get(call.call_id, Kept.TRANSCRIPT))
    return Transcript(
        items=[TranscriptTurn.model_validate(turn) for turn in turns],
        delete_after=kept.delete_after,
        deletion=kept.deletion,
    )
