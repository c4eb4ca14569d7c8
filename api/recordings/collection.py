"""The recordings of all calls: listed, and retried many at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.auth import Operator, Reader
from api.fields import Moment
from api.idempotency import IdempotencyKey
from api.pages import Cursor, Limit
from api.parts import FromParts
from api.prefer import Prefer, wait_of
from api.recordings.batch import SECONDS, Batch
from api.recordings.schemas import (
    RecordingPageRead,
    RetryManyRead,
    RetryManyRequest,
)
from api.recordings.service import CallRetry, summary_of
from api.work_per_key import WorkPerKey
from contract.recordings import RecordingRetry
from contract.recordings_wanted import RecordingsWanted
from store.call_pages import cursor_after
from store.recording_pages import RecordingPage, count_recordings, list_recordings

router = APIRouter(prefix="/recordings", tags=["recordings"])

_Start = Annotated[
    Moment | None, Query(description="The call's start.", examples=["2026-11-21T00:00:00Z"])
]


@router.get("", summary="Recordings, those of the newest calls first")
async def list_all(
    parts: FromParts,
    principal: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[
        RecordingsWanted | None, Query(description="`failed`: `needs_attention` and `lost`.")
    ] = None,
    assistant_id: Annotated[str | None, Query(max_length=64)] = None,
    started_after: _Start = None,
    started_before: _Start = None,
    reason_contains: Annotated[
        str | None, Query(max_length=200, description="A part of `detail`.")
    ] = None,
) -> RecordingPageRead:
    """Of every call whose recording has begun, or failed to."""
    page = RecordingPage(
        tenant_id=principal.tenant_id,
        limit=limit,
        cursor=cursor,
        statuses=status.statuses if status is not None else (),
        assistant_id=assistant_id,
        started_after=started_after,
        started_before=started_before,
        detail_contains=reason_contains,
    )
    async with parts.database.reader() as session:
        found = await list_recordings(session, page)
    items = [summary_of(parts.settings, call, row) for call, row in found.items]
    return RecordingPageRead(items=items, next_cursor=found.next_cursor)


@router.post("/retry", summary="Mend many recordings that need attention")
async def retry_many(
    body: RetryManyRequest,
    parts: FromParts,
    principal: Operator,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> RetryManyRead:
    """A dry run unless `dry_run` is false. A few are retried at a time, the newest call's first,
    and as many as fit into some seconds; what is left is behind `next_cursor`. Under one key each
    recording is retried once, however often the request is repeated."""
    page = RecordingPage(
        tenant_id=principal.tenant_id,
        limit=body.limit,
        cursor=body.cursor,
        statuses=(body.status,),
        assistant_id=body.assistant_id,
        started_after=body.started_after,
        started_before=body.started_before,
        detail_contains=body.reason_contains,
    )

    async def work(text: str | None) -> RetryManyRead:
        async with parts.database.reader() as session:
            found = await list_recordings(session, page)
        wanted = [CallRetry(parts, call) for call, _ in found.items]
        if body.dry_run:
            told = [CallRetry(parts, call).read_before(row) for call, row in found.items]
        else:
            retry = RecordingRetry(by=principal.name, reason=body.reason)
            update_id = f"retry_many-{text}" if text else None
            told = await Batch(wanted, retry, update_id, wait_of(prefer, SECONDS)).run()
        next_cursor = found.next_cursor
        if told and len(told) < len(wanted):
            next_cursor = cursor_after(wanted[len(told) - 1].call)
        return RetryManyRead(
            dry_run=body.dry_run,
            items=told,
            next_cursor=next_cursor,
            remaining=await _behind(next_cursor),
        )

    async def _behind(cursor: str | None) -> int:
        if cursor is None:
            return 0
        async with parts.database.reader() as session:
            return await count_recordings(session, replace(page, cursor=cursor))

    if idempotency_key is None:
        return await work(None)
    keyed = WorkPerKey(
        parts=parts,
        response=response,
        tenant_id=principal.tenant_id,
        key=idempotency_key,
        operation="retry-recordings",
        body=body,
    )
    return await keyed.once(RetryManyRead, work)
