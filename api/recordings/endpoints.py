from __future__ import annotations

from fastapi import APIRouter

from api.calls.service import CallInPath, recording_of
from api.parts import FromParts
from api.recordings.schemas import RecordingRead
from contract.calls import RecordingStatus
from store.recordings import Recordings

router = APIRouter(prefix="/calls", tags=["recordings"])


@router.get("/{call_id}/recording", summary="The call's recording")
async def get_recording(call: CallInPath, parts: FromParts) -> RecordingRead:
    async with parts.database.reader() as session:
        row = await Recordings(session).get(call.call_id)
    known = recording_of(call, row)
    url = expires_at = None
    if row is not None and row.object_key and known.status is RecordingStatus.READY:
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
    )
