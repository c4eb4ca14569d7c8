"""Lists of recordings: what is filtered by, and in which order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contract.calls import RecordingStatus
from contract.recordings_wanted import RecordingsWanted
from store.calls import Calls
from store.database import Database
from store.recording_pages import RecordingPage, count_recordings, list_recordings
from tests.store.calls import NOON, new_call
from tests.store.recordings import given_recording


async def found(database: Database, **asked: Any) -> list[str]:
    async with database.reader() as session:
        page = await list_recordings(session, RecordingPage(tenant_id="acme", **asked))
    return [call.call_id for call, _ in page.items]


async def test_failed_ones_are_those_to_be_looked_at_and_those_lost(database: Database) -> None:
    ids = {status: await given_recording(database, status) for status in RecordingStatus}
    failed = await found(database, statuses=RecordingsWanted.FAILED.statuses)
    wanted = {ids[RecordingStatus.NEEDS_ATTENTION], ids[RecordingStatus.LOST]}
    assert set(failed) == wanted
    for status in (RecordingStatus.READY, RecordingStatus.FINALISING):
        assert await found(database, statuses=(status,)) == [ids[status]]
    assert set(await found(database)) == set(ids.values())


async def test_calls_without_a_recording_and_other_tenants_are_left_out(
    database: Database,
) -> None:
    ours = await given_recording(database)
    await given_recording(database, tenant_id="other")
    async with database.session() as session:
        await Calls(session).insert(new_call(record=True))
    assert await found(database) == [ours]


async def test_each_filter_leaves_out_what_it_does_not_fit(database: Database) -> None:
    bar = await given_recording(database, assistant_id="bar")
    percent = await given_recording(database, detail="Only 50% of it arrived_.")
    late = await given_recording(database, started_at=NOON + timedelta(hours=1))
    assert await found(database, assistant_id="bar") == [bar]
    assert await found(database, detail_contains="50%") == [percent]
    assert await found(database, detail_contains="ARRIVED_") == [percent]
    assert await found(database, detail_contains="5_%") == []
    assert await found(database, started_after=NOON) == [late]
    assert set(await found(database, started_before=NOON + timedelta(hours=1))) == {bar, percent}


async def test_pages_follow_each_other_and_the_rest_is_counted(database: Database) -> None:
    ids = [
        await given_recording(database, started_at=NOON + timedelta(minutes=minute // 2))
        for minute in range(5)
    ]
    shown: list[str] = []
    page = RecordingPage(tenant_id="acme", limit=2)
    for left in (3, 1, 0):
        async with database.reader() as session:
            part = await list_recordings(session, page)
            shown += [call.call_id for call, _ in part.items]
            page = RecordingPage(tenant_id="acme", limit=2, cursor=part.next_cursor)
            if part.next_cursor is not None:
                assert await count_recordings(session, page) == left
            else:
                assert left == 0
    assert shown == sorted(ids, key=lambda one: (ids.index(one) // 2, one), reverse=True)
