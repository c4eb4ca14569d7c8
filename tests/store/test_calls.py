from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from contract.calls import CallStatus, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import new_call_id
from contract.steps import AssistantChosen, WriteRecord, WriteRecording
from store.call_pages import CallPage
from store.calls import Calls, NewCall
from store.database import Database
from store.errors import BadCursor, CallUnknown, DuplicateCall, RoomTaken
from store.recordings import Recordings
from tests.store.calls import NOON, entry, new_call

HUNG_UP = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "The caller left.")


async def given_call(database: Database, **changes: object) -> str:
    call = new_call(**changes)
    async with database.session() as session:
        await Calls(session).insert(call)
    return call.call_id


async def write(database: Database, record: WriteRecord) -> None:
    async with database.session() as session:
        await Calls(session).write(record)


async def ended_call(database: Database, **changes: object) -> str:
    call_id = await given_call(database, **changes)
    await write(
        database,
        WriteRecord(
            call_id=call_id,
            status=CallStatus.ENDED,
            ended_at=NOON + timedelta(seconds=30),
            ending=HUNG_UP,
            talk_seconds=12.5,
        ),
    )
    return call_id


async def test_a_call_is_read_back_with_aware_utc_times(database: Database) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    call_id = await given_call(database, started_at=datetime(2026, 11, 21, 17, 30, tzinfo=india))
    async with database.reader() as session:
        row = await Calls(session).get(call_id)
    assert row is not None
    assert row.started_at == NOON
    assert row.started_at.utcoffset() == timedelta(0)
    assert row.status == "queued"


async def test_a_call_is_hidden_from_other_tenants(database: Database) -> None:
    call_id = await given_call(database)
    async with database.reader() as session:
        assert await Calls(session).get(call_id, tenant_id="acme") is not None
        assert await Calls(session).get(call_id, tenant_id="other") is None


async def test_an_id_is_used_once(database: Database) -> None:
    call = new_call()
    async with database.session() as session:
        await Calls(session).insert(call)
    with pytest.raises(DuplicateCall):
        async with database.session() as session:
            await Calls(session).insert(call)


async def test_a_room_name_has_one_open_call_and_is_free_again_after_its_end(
    database: Database,
) -> None:
    await ended_call(database, room_name="lobby")
    second = await given_call(database, room_name="lobby")
    with pytest.raises(RoomTaken):
        await given_call(database, room_name="lobby")
    async with database.reader() as session:
        found = await Calls(session).open_call_in_room("lobby")
        assert found is not None
        assert found.call_id == second
        assert [call.call_id for call in await Calls(session).open_calls()] == [second]


async def test_only_one_of_many_parallel_calls_gets_the_room(database: Database) -> None:
    results = await asyncio.gather(
        *(given_call(database, room_name="lobby") for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, RoomTaken) for result in results) == 9


async def test_a_status_never_moves_backwards_except_that_hold_ends(database: Database) -> None:
    call_id = await given_call(database)
    seen = []
    for status in (
        CallStatus.IN_PROGRESS,
        CallStatus.RINGING,
        CallStatus.ON_HOLD,
        CallStatus.QUEUED,
        CallStatus.IN_PROGRESS,
    ):
        async with database.session() as session:
            row = await Calls(session).write(WriteRecord(call_id=call_id, status=status))
            seen.append(row.status)
    assert seen == ["in_progress", "in_progress", "on_hold", "on_hold", "in_progress"]


async def test_an_ended_row_never_changes_but_its_timeline_grows(database: Database) -> None:
    call_id = await ended_call(database)
    late = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM)
    await write(
        database,
        WriteRecord(
            call_id=call_id,
            status=CallStatus.IN_PROGRESS,
            ending=late,
            talk_seconds=99.0,
            entries=(entry(1),),
        ),
    )
    async with database.session() as session:
        chosen = AssistantChosen(
            assistant_id="late",
            tenant_id="other",
            record=True,
            language="de-DE",
            max_duration_seconds=1.0,
        )
        await Calls(session).set_assistant(call_id, chosen)
    async with database.reader() as session:
        row = await Calls(session).get(call_id)
        events = await Calls(session).events(call_id)
    assert row is not None
    assert (row.status, row.ended_reason, row.talk_seconds) == ("ended", "caller_hung_up", 12.5)
    assert (row.assistant_id, row.tenant_id) == ("demo", "acme")
    assert [event.text for event in events] == ["Line 1"]


async def test_the_chosen_assistant_brings_its_tenant(database: Database) -> None:
    call_id = await given_call(database, assistant_id=None, tenant_id="default")
    chosen = AssistantChosen(
        assistant_id="demo",
        tenant_id="acme",
        record=True,
        language="en-US",
        max_duration_seconds=60.0,
    )
    async with database.session() as session:
        await Calls(session).set_assistant(call_id, chosen)
    async with database.reader() as session:
        row = await Calls(session).get(call_id, tenant_id="acme")
    assert row is not None
    assert (row.assistant_id, row.record, row.language) == ("demo", True, "en-US")


async def test_an_unknown_call_is_refused(database: Database) -> None:
    with pytest.raises(CallUnknown):
        await write(database, WriteRecord(call_id="call_x"))


async def test_entries_are_numbered_without_gaps_and_appended_once(database: Database) -> None:
    call_id = await given_call(database)

    async def tell(source: str) -> None:
        lines = tuple(entry(number, source=source) for number in (1, 2, 3))
        for _ in range(2):  # an activity that is retried tells everything again
            await write(database, WriteRecord(call_id=call_id, entries=lines))

    await asyncio.gather(*(tell(f"teller-{number}") for number in range(5)))
    async with database.reader() as session:
        events = await Calls(session).events(call_id)
        tail = await Calls(session).events(call_id, after_seq=12)
    assert [event.seq for event in events] == list(range(1, 16))
    assert [event.seq for event in tail] == [13, 14, 15]


async def test_a_withdrawn_start_leaves_nothing(database: Database) -> None:
    call_id = await given_call(database)
    await write(database, WriteRecord(call_id=call_id, entries=(entry(1),)))
    async with database.session() as session:
        await Calls(session).delete(call_id)
    async with database.reader() as session:
        assert await Calls(session).get(call_id) is None
        assert await Calls(session).events(call_id) == []


async def test_pages_go_newest_first_without_gap_or_repeat(database: Database) -> None:
    calls: list[NewCall] = [new_call(started_at=NOON + timedelta(minutes=n // 2)) for n in range(7)]
    async with database.session() as session:
        for call in calls:
            await Calls(session).insert(call)
        await Calls(session).insert(new_call(tenant_id="other"))
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        async with database.reader() as session:
            found = await Calls(session).list(CallPage(tenant_id="acme", limit=2, cursor=cursor))
        seen += [row.call_id for row, _ in found.items]
        cursor = found.next_cursor
    newest_first = sorted(calls, key=lambda call: (call.started_at, call.call_id), reverse=True)
    assert seen == [call.call_id for call in newest_first]
    assert cursor is None


async def test_pages_are_filtered(database: Database) -> None:
    ended = await ended_call(database, record=True)
    asked = await given_call(database, record=True, assistant_id="other")
    ready = await given_call(database, record=True, started_at=NOON + timedelta(hours=1))
    async with database.session() as session:
        await Recordings(session).write(
            WriteRecording(call_id=ready, status=RecordingStatus.READY, attempts=1)
        )

    async def found(**filters: object) -> set[str]:
        async with database.reader() as session:
            page = await Calls(session).list(CallPage(tenant_id="acme", **filters))  # type: ignore[arg-type]
        return {row.call_id for row, _ in page.items}

    assert await found(status=CallStatus.ENDED) == {ended}
    assert await found(assistant_id="other") == {asked}
    assert await found(ended_reason=EndedReason.CALLER_HUNG_UP) == {ended}
    assert await found(started_after=NOON) == {ready}
    assert await found(recording_status=RecordingStatus.READY) == {ready}
    assert await found(recording_status=RecordingStatus.PENDING) == {asked}
    assert await found(recording_status=RecordingStatus.NOT_REQUESTED) == {ended}


@pytest.mark.parametrize("cursor", ["x", "eHh4", "", "MjAyNi0xMS0yMSBj", "ä"])
async def test_a_foreign_cursor_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(BadCursor):
        async with database.reader() as session:
            await Calls(session).list(CallPage(tenant_id="acme", cursor=cursor))


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="without a zone"):
        await given_call(database, started_at=datetime(2026, 1, 1), call_id=new_call_id())  # noqa: DTZ001
