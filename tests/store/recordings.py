"""Recordings as tests leave them in the store, each with its call."""

from __future__ import annotations

from datetime import datetime

from contract.calls import RecordingStatus
from contract.identity import new_call_id
from contract.steps import WriteRecording
from store.calls import Calls
from store.database import Database
from store.recordings import Recordings
from tests.store.calls import NOON, new_call

REFUSED = "Egress failed (400): S3 answered 403."


async def given_recording(
    database: Database,
    status: RecordingStatus = RecordingStatus.NEEDS_ATTENTION,
    *,
    detail: str = REFUSED,
    tenant_id: str = "acme",
    assistant_id: str = "demo",
    started_at: datetime = NOON,
) -> str:
    """The call's id."""
    call = new_call(
        call_id=new_call_id(),
        tenant_id=tenant_id,
        assistant_id=assistant_id,
        started_at=started_at,
        record=True,
    )
    written = WriteRecording(call_id=call.call_id, status=status, attempts=1, detail=detail)
    async with database.session() as session:
        await Calls(session).insert(call)
        await Recordings(session).write(written)
    return call.call_id
