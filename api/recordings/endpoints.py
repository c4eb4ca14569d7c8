from __future__ import annotations

from fastapi import APIRouter, Response

from api.calls.commanding import Commands
from api.calls.service import CallInPath, recording_of
from api.parts import FromParts
from api.prefer import Prefer, wait_of
from api.recordings.retrying import RetryGoesOn
from api.recordings.schemas import RecordingRead, RetryRead, RetryRequest
from api.recordings.service import PATIENCE, CallRetry
from api.retention.reading import kept_of
from contract.calls import RecordingStatus
from contract.recordings import RecordingReport, RecordingRetry
from contract.retention import Kept
from store.erasures import Erasures
from store.recordings import Recordings

router = APIRouter(prefix="/calls", tags=["recordings"])


@router.get("/{call_id}/recording", summary="The call's recording")
async def get_recording(call: CallInPath, parts: FromParts) -> RecordingRead:
    async with parts.database.reader() as session:
        row = await Recordings(session).get(call.call_id)
        kept = kept_of(await Erasures(session).get(call.call_id, Kept.RECORDING))
    known = recording_of(call, row)
    url = expires_at = None
    is_ready = known.status is RecordingStatus.READY and kept.deletion is None
    if row is not None and row.object_key and is_ready:
        url, expires_at = parts.object_store.link(row.object_key)
    return RecordingRead(
        call_id=call.call_id,
        status=known.status,
        detail=known.detail,
        attempts=known.attempts,
        url=url,
        expires_at=expires_at,
        duration_seconds=known.duration_seconds,
        size_bytes=row.size_bytes if row is not None else None,
        sha256=row.sha256 if row is not None else None,
        delete_after=kept.delete_after,
        deletion=kept.deletion,
    )


@router.post(
    "/{call_id}/recording/retry",
    summary="Mend a recording that needs attention",
    responses={202: {"model": RetryRead, "description": "It goes on."}, 409: {}},
)
async def retry_recording(
    commands: Commands, body: RetryRequest, response: Response, prefer: Prefer = None
) -> RetryRead:
    """While the call lasts, what follows is recorded anew; afterwards the file is looked for where
    it belongs and where Egress keeps what it could not upload, brought in and checked. Answered
    when that has come to its end, whichever; 202 when it takes longer than a few seconds.

    409 `recording-not-requested`, `recording-not-failed`, `recording-closed`, `retry-under-way`.
    """
    recording = CallRetry(commands.parts, commands.call)
    patience = wait_of(prefer, PATIENCE)
    retry = RecordingRetry(by=commands.principal.name, reason=body.reason)
    try:
        report = await commands.once_even_later(
            "retry_recording",
            body,
            RecordingReport,
            lambda id: recording.retry(retry, id, patience),
        )
    except RetryGoesOn as goes_on:
        response.status_code = 202
        return await recording.read_later(goes_on)
    return recording.read(report)
