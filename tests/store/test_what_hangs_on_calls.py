"""Transcripts, recordings and the ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from contract.calls import RecordingStatus
from contract.steps import WriteRecording
from store.calls import Calls
from store.database import Database
from store.errors import CallUnknown
from store.ledger import Ledger
from store.recordings import Recordings
from store.transcripts import Transcripts, Turn
from tests.store.calls import NOON, entry, new_call


@pytest.fixture
async def call_id(database: Database) -> str:
    call = new_call()
    async with database.session() as session:
        await Calls(session).insert(call)
    return call.call_id


def turn(call_id: str, source_seq: int, text: str = "A table for two.") -> Turn:
    start = NOON + timedelta(seconds=10 - source_seq)
    return Turn(
        call_id=call_id,
        source="atlas-1",
        source_seq=source_seq,
        speaker="caller",
        text=text,
        start=start,
        end=start + timedelta(seconds=1),
        language="en-US",
    )


async def test_turns_are_kept_once_in_spoken_order_and_stand_on_the_timeline(
    database: Database, call_id: str
) -> None:
    for _ in range(2):
        async with database.session() as session:
            await Transcripts(session).add([turn(call_id, 1), turn(call_id, 2, "Hello.")])
    async with database.reader() as session:
        turns = await Transcripts(session).list(call_id)
        events = await Calls(session).events(call_id)
    assert [kept.text for kept in turns] == ["Hello.", "A table for two."]
    assert [(event.seq, event.kind, event.actor, event.text) for event in events] == [
        (1, "turn", "caller", "A table for two."),
        (2, "turn", "caller", "Hello."),
    ]


async def test_turns_of_an_unknown_call_are_refused(database: Database) -> None:
    with pytest.raises(CallUnknown):
        async with database.session() as session:
            await Transcripts(session).add([turn("call_x", 1)])


async def test_a_recording_keeps_what_later_news_leave_out(
    database: Database, call_id: str
) -> None:
    async with database.session() as session:
        recordings = Recordings(session)
        await recordings.write(
            WriteRecording(
                call_id=call_id,
                status=RecordingStatus.RECORDING,
                attempts=1,
                egress_id="EG_1",
                entries=(entry(1),),
            )
        )
        await recordings.write(
            WriteRecording(
                call_id=call_id,
                status=RecordingStatus.READY,
                attempts=1,
                size_bytes=2**33,
                sha256="ab" * 32,
            )
        )
    async with database.reader() as session:
        row = await Recordings(session).by_egress("EG_1")
        assert row is not None
        assert (row.call_id, row.status, row.size_bytes) == (call_id, "ready", 2**33)
        assert [event.text for event in await Calls(session).events(call_id)] == ["Line 1"]


async def test_a_call_is_billed_once_however_many_settle_it(
    database: Database, call_id: str
) -> None:
    async def settle(total: str) -> str:
        async with database.session() as session:
            row = await Ledger(session).settle(call_id, "acme", total, "USD", False, [])
            return row.total

    totals = await asyncio.gather(*(settle(f"0.{number}") for number in range(1, 6)))
    assert len(set(totals)) == 1
