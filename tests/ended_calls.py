"""Calls that are over and left something, as tests of retention begin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contract.calls import CallStatus, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.steps import WriteRecord, WriteRecording
from store.assistants import Assistants
from store.calls import Calls
from store.database import Database
from store.recordings import Recordings
from store.transcripts import Transcripts, Turn
from tests.store.calls import NOON, new_call

SAID = "My card number is four two four two."


async def given_assistant(database: Database, tenant_id: str = "acme", **retention: int) -> None:
    """`demo`, which every call of tests has."""
    async with database.session() as session:
        await Assistants(session).create(tenant_id, "demo", {"retention": retention})


async def given_call(database: Database, **changes: Any) -> str:
    call = new_call(**({"record": True} | changes))
    async with database.session() as session:
        await Calls(session).insert(call)
    return call.call_id


async def say(database: Database, call_id: str, source_seq: int = 1) -> None:
    start = NOON + timedelta(seconds=source_seq)
    turn = Turn(
        call_id=call_id,
        source="atlas-1",
        source_seq=source_seq,
        speaker="caller",
        text=SAID,
        start=start,
        end=start + timedelta(seconds=1),
        language="en-US",
    )
    async with database.session() as session:
        await Transcripts(session).add([turn])


async def end(database: Database, call_id: str, at: datetime = NOON) -> None:
    record = WriteRecord(
        call_id=call_id,
        status=CallStatus.ENDED,
        ended_at=at,
        ending=CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "The caller left."),
        talk_seconds=30.0,
    )
    async with database.session() as session:
        await Calls(session).write(record)


async def record(
    database: Database, call_id: str, status: RecordingStatus = RecordingStatus.READY
) -> None:
    is_ready = status is RecordingStatus.READY
    news = WriteRecording(
        call_id=call_id,
        status=status,
        attempts=1,
        object_key=f"recordings/{call_id}/1.ogg" if is_ready else None,
        size_bytes=9 if is_ready else None,
        sha256="ab" * 32 if is_ready else None,
        duration_seconds=30.0 if is_ready else None,
    )
    async with database.session() as session:
        await Recordings(session).write(news)


async def ended_call(database: Database, at: datetime = NOON, **changes: Any) -> str:
    """With one turn and one recording."""
    call_id = await given_call(database, started_at=at, **changes)
    await say(database, call_id)
    await record(database, call_id)
    await end(database, call_id, at)
    return call_id
