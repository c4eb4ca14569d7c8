"""What is deleted of calls: when it is due, what forbids it, and what stays."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from contract.calls import RecordingStatus
from contract.retention import DuePlace, Kept
from contract.steps import WriteRecording
from store.assistants import Assistants
from store.calls import Calls
from store.database import Database
from store.erasures import Erasures
from store.errors import CallGoesOn, CallUnknown, NoRecording, OnLegalHold, RecordingUnderWay
from store.legal_holds import LegalHolds
from store.recordings import Recordings
from store.retention_models import ErasureRow
from store.transcripts import Transcripts
from tests.ended_calls import SAID, end, ended_call, given_assistant, given_call, record, say
from tests.store.calls import NOON

DAY = timedelta(days=1)


async def ask(database: Database, call_id: str, what: Kept, why: str = "GDPR 17") -> ErasureRow:
    async with database.session() as session:
        return await Erasures(session).ask(call_id, what, "desk", why)


async def place_hold(database: Database, call_id: str) -> None:
    async with database.session() as session:
        await LegalHolds(session).place(call_id, "counsel", "Case 117")


async def due(
    database: Database, days: float, after: DuePlace | None = None, limit: int = 50
) -> list[tuple[str, str]]:
    async with database.reader() as session:
        found = await Erasures(session).due(NOON + days * DAY, after, limit)
    return [(erasure.call_id, erasure.what) for erasure in found]


async def lines(database: Database, call_id: str) -> list[tuple[str, str, str]]:
    async with database.reader() as session:
        events = await Calls(session).events(call_id)
    return [(event.kind, event.actor, event.text) for event in events]


async def test_what_the_assistant_says_when_the_call_ends_counts_for_it(
    database: Database,
) -> None:
    await given_assistant(database, recording_days=90, transcript_days=30)
    first = await ended_call(database)
    async with database.session() as session:
        forever = {"retention": {"recording_days": None, "transcript_days": None}}
        await Assistants(session).update("acme", "demo", forever, "")
    await ended_call(database)
    assert await due(database, 29.9) == []
    assert await due(database, 30) == [(first, "transcript")]
    assert await due(database, 36_500) == [(first, "transcript"), (first, "recording")]


async def test_a_call_that_was_not_to_be_recorded_has_no_recording_to_delete(
    database: Database,
) -> None:
    await given_assistant(database, recording_days=1)
    await end(database, await given_call(database, record=False))
    assert await due(database, 2) == []


async def test_assistants_of_before_keep_everything(database: Database) -> None:
    async with database.session() as session:
        await Assistants(session).create("acme", "demo", {"name": "Of an older version"})
    await ended_call(database)
    assert await due(database, 36_500) == []


async def test_words_are_deleted_on_the_timeline_too_and_do_not_come_back(
    database: Database,
) -> None:
    call_id = await ended_call(database)
    erasure = await ask(database, call_id, Kept.TRANSCRIPT)
    assert erasure.done_at == erasure.asked_at is not None
    await say(database, call_id, 2)  # an agent's outbox was late
    async with database.reader() as session:
        assert await Transcripts(session).list(call_id) == []
        events = await Calls(session).events(call_id)
    assert [event.seq for event in events] == [1, 2]
    assert SAID not in str([(event.text, event.data) for event in events])
    assert await lines(database, call_id) == [
        ("turn", "caller", "(deleted)"),
        ("transcript_deleted", "operator", "What was said is deleted: GDPR 17"),
    ]
    assert events[1].data == {"requested_by": "desk", "turns": 1}


async def test_a_recording_is_deleted_only_when_its_files_are(database: Database) -> None:
    call_id = await ended_call(database)
    asked = await ask(database, call_id, Kept.RECORDING)
    again = await ask(database, call_id, Kept.RECORDING, "Once more")
    assert (asked.done_at, again.reason, again.asked_at) == (None, "GDPR 17", asked.asked_at)
    async with database.reader() as session:
        row = await Recordings(session).get(call_id)
    assert row is not None
    assert row.status == RecordingStatus.READY
    for _ in range(2):
        async with database.session() as session:
            row = await Recordings(session).get(call_id)
            assert row is not None
            assert await Erasures(session).recording_is_gone(call_id, 2, row.updated_at)
    async with database.reader() as session:
        row = await Recordings(session).get(call_id)
    assert row is not None
    assert (row.status, row.detail) == ("deleted", "Deleted: GDPR 17")
    assert (row.sha256, row.size_bytes, row.duration_seconds) == ("ab" * 32, 9, 30.0)
    assert (await lines(database, call_id))[1:] == [
        ("recording_deletion_asked", "operator", "To be deleted: GDPR 17"),
        ("recording_deleted", "operator", "The recording is deleted: GDPR 17"),
    ]


async def updated_at(database: Database, call_id: str) -> datetime:
    async with database.reader() as session:
        row = await Recordings(session).get(call_id)
    assert row is not None
    return row.updated_at


async def say_gone(database: Database, call_id: str, files: int, as_of: datetime) -> bool:
    async with database.session() as session:
        return await Erasures(session).recording_is_gone(call_id, files, as_of)


async def deleted_recording(database: Database) -> str:
    call_id = await ended_call(database)
    await ask(database, call_id, Kept.RECORDING)
    assert await say_gone(database, call_id, 1, await updated_at(database, call_id))
    assert await due(database, 36_500) == []
    return call_id


@pytest.mark.parametrize("key", ["recordings/x/2.ogg", None], ids=["brought", "failed halfway"])
async def test_a_file_that_comes_after_the_deletion_is_deleted_as_well(
    database: Database, key: str | None
) -> None:
    """A retry that fails may have brought one before."""
    call_id = await deleted_recording(database)
    status = RecordingStatus.READY if key else RecordingStatus.NEEDS_ATTENTION
    news = WriteRecording(call_id=call_id, status=status, attempts=2, object_key=key)
    async with database.session() as session:
        row = await Recordings(session).write(news)
        assert row.status == RecordingStatus.DELETED
    assert await due(database, 36_500) == [(call_id, "recording")]


async def test_of_files_that_came_late_the_timeline_tells_when_there_were_some(
    database: Database,
) -> None:
    call_id = await deleted_recording(database)
    for files in (0, 2):
        async with database.session() as session:
            await Erasures(session).a_file_may_have_come(call_id)
        assert await due(database, 36_500) == [(call_id, "recording")]
        assert await say_gone(database, call_id, files, await updated_at(database, call_id))
        assert await due(database, 36_500) == []
    assert [line for line in await lines(database, call_id) if line[0] == "recording_deleted"] == [
        ("recording_deleted", "operator", "The recording is deleted: GDPR 17"),
        (
            "recording_deleted",
            "operator",
            "A file that came after the deletion is deleted too: GDPR 17",
        ),
    ]


async def test_nothing_comes_late_to_a_recording_that_nobody_wants_gone(
    database: Database,
) -> None:
    await given_assistant(database, recording_days=1)
    kept = await ended_call(database)
    written_at = await updated_at(database, kept)
    async with database.session() as session:
        await Erasures(session).a_file_may_have_come(kept)
    assert await updated_at(database, kept) == written_at


@pytest.mark.parametrize(
    "status", [RecordingStatus.FINALISING, RecordingStatus.NEEDS_ATTENTION], ids=str
)
async def test_a_recording_that_somebody_worked_on_meanwhile_is_not_called_deleted(
    database: Database, status: RecordingStatus
) -> None:
    """A retry: that its files were looked for before it says nothing of what it brought."""
    call_id = await ended_call(database)
    await ask(database, call_id, Kept.RECORDING)
    before = await updated_at(database, call_id)
    await record(database, call_id, status)
    assert not await say_gone(database, call_id, 1, before)
    is_over = status is RecordingStatus.NEEDS_ATTENTION
    assert await say_gone(database, call_id, 1, await updated_at(database, call_id)) is is_over
    assert (await due(database, 36_500) == []) is is_over


async def test_egress_that_tells_while_its_files_are_deleted_is_heard(database: Database) -> None:
    call_id = await ended_call(database)
    await ask(database, call_id, Kept.RECORDING)
    before = await updated_at(database, call_id)
    async with database.session() as session:
        await Erasures(session).a_file_may_have_come(call_id)
    assert not await say_gone(database, call_id, 1, before)


@pytest.mark.parametrize("what", list(Kept), ids=list(Kept))
async def test_nothing_is_deleted_of_a_call_that_goes_on(database: Database, what: Kept) -> None:
    call_id = await given_call(database)
    await record(database, call_id)
    with pytest.raises(CallGoesOn):
        await ask(database, call_id, what)
    with pytest.raises(CallUnknown):
        await ask(database, "call_x", what)


@pytest.mark.parametrize(
    "status",
    [RecordingStatus.PENDING, RecordingStatus.RECORDING, RecordingStatus.FINALISING],
    ids=str,
)
async def test_a_recording_that_is_being_written_is_not_deleted(
    database: Database, status: RecordingStatus
) -> None:
    call_id = await given_call(database)
    await end(database, call_id)
    with pytest.raises(NoRecording):
        await ask(database, call_id, Kept.RECORDING)
    await record(database, call_id, status)
    with pytest.raises(RecordingUnderWay):
        await ask(database, call_id, Kept.RECORDING)


async def test_a_legal_hold_keeps_everything_until_it_is_lifted(database: Database) -> None:
    await given_assistant(database, recording_days=1, transcript_days=1)
    call_id = await ended_call(database)
    for _ in range(2):
        await place_hold(database, call_id)
    for what in Kept:
        with pytest.raises(OnLegalHold, match="counsel: Case 117"):
            await ask(database, call_id, what)
    assert await due(database, 2) == []
    for _ in range(2):
        async with database.session() as session:
            await LegalHolds(session).lift(call_id, "admin", "Settled")
    assert len(await due(database, 2)) == 2
    assert (await lines(database, call_id))[1:] == [
        ("legal_hold_placed", "operator", "On legal hold: Case 117"),
        ("legal_hold_lifted", "operator", "The legal hold is lifted: Settled"),
    ]


async def test_a_hold_and_a_deletion_at_once_both_know_who_was_first(database: Database) -> None:
    for _ in range(10):
        call_id = await ended_call(database)
        asked, _held = await asyncio.gather(
            ask(database, call_id, Kept.RECORDING),
            place_hold(database, call_id),
            return_exceptions=True,
        )
        kinds = [kind for kind, _, _ in await lines(database, call_id)][1:]
        if isinstance(asked, OnLegalHold):
            assert kinds == ["legal_hold_placed"]
            assert (call_id, "recording") not in await due(database, 36_500)
        else:
            assert kinds == ["recording_deletion_asked", "legal_hold_placed"]
            # It was promised before the hold: a crash in between does not undo it.
            assert (call_id, "recording") in await due(database, 36_500)


async def test_what_is_due_is_found_page_by_page_oldest_first(database: Database) -> None:
    await given_assistant(database, transcript_days=1)
    calls = [await ended_call(database, NOON + timedelta(hours=hour)) for hour in range(3)]
    wanted = [(call_id, "transcript") for call_id in calls]
    first = await due(database, 3, limit=2)
    last = DuePlace(due_at=NOON + DAY + timedelta(hours=1), call_id=calls[1], what=Kept.TRANSCRIPT)
    assert first + await due(database, 3, last, limit=2) == wanted


async def test_retention_says_that_it_was_retention(database: Database) -> None:
    await given_assistant(database, recording_days=1, transcript_days=30)
    call_id = await ended_call(database)
    unrecorded = await given_call(database)  # nobody answered, so there was nothing to record
    await end(database, unrecorded)
    async with database.reader() as session:
        found = await Erasures(session).due(NOON + 31 * DAY, None, 50)
    for erasure in found:
        async with database.session() as session:
            await Erasures(session).ask_for_due(erasure)
    assert [line for line in await lines(database, call_id) if line[0] != "turn"] == [
        (
            "recording_deletion_asked",
            "platform",
            "To be deleted: Kept for 1 day, as the assistant says.",
        ),
        (
            "transcript_deleted",
            "platform",
            "What was said is deleted: Kept for 30 days, as the assistant says.",
        ),
    ]
    # What is not there is not looked for every hour.
    assert await due(database, 31) == [(call_id, "recording")]
