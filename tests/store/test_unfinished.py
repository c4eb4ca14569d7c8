"""Which calls the janitor asks about."""

from __future__ import annotations

import pytest

from contract.calls import RecordingStatus
from contract.steps import WriteRecording
from store.calls import Calls
from store.database import Database
from store.ledger import Ledger
from store.recordings import Recordings
from store.unfinished import Unfinished, UnfinishedCall
from tests.store.phone_calls import end, given_calls, given_trunk, later, take


async def pages(database: Database, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    last: UnfinishedCall | None = None
    while True:
        async with database.reader() as session:
            page = await Unfinished(session).open_calls(last, limit)
        if not page:
            return found
        last = page[-1]
        found.append([call.call_id for call in page])


async def test_open_calls_come_in_pages_and_none_is_left_out(database: Database) -> None:
    """Also of calls that began in the same moment."""
    calls = await given_calls(database, 5)
    await end(database, calls[2])
    found = await pages(database, 2)
    assert [len(page) for page in found] == [2, 2]
    assert sorted(call for page in found for call in page) == sorted(set(calls) - {calls[2]})


async def test_a_call_is_finished_when_it_has_ended_and_has_its_bill(database: Database) -> None:
    open_still, unbilled, finished = await given_calls(database, 3)
    for call in (unbilled, finished):
        await end(database, call)
    async with database.session() as session:
        await Ledger(session).settle(finished, "acme", "0", "USD", False, [])
    async with database.reader() as session:
        found = await Unfinished(session).among([open_still, unbilled, finished])
    assert {call.call_id: call.has_ended for call in found} == {open_still: False, unbilled: True}


async def test_a_call_that_waits_for_a_line_shows_a_trace_of_its_workflow(
    database: Database,
) -> None:
    await given_trunk(database, max_concurrent_calls=1)
    first, waiting, untouched = await given_calls(database, 3)
    for second, call in enumerate((first, waiting)):
        await take(database, call, later(second))
    async with database.reader() as session:
        found = await Unfinished(session).open_calls(None, 10)
    assert [call.call_id for call in found if call.left_no_trace] == [untouched]


async def test_recordings_of_calls_that_are_over_and_nobody_ended(database: Database) -> None:
    calls = await given_calls(database, 3)
    goes_on, left, ready = calls
    for call, status in (
        (goes_on, RecordingStatus.RECORDING),
        (left, RecordingStatus.FINALISING),
        (ready, RecordingStatus.READY),
    ):
        async with database.session() as session:
            await Recordings(session).write(WriteRecording(call_id=call, status=status, attempts=3))
    for call in (left, ready):
        await end(database, call)
    async with database.reader() as session:
        found = await Unfinished(session).recordings_among(calls)
        row = await Calls(session).get(left)
    assert row is not None
    (request,) = found
    assert (request.call_id, request.room_name) == (left, row.room_name)
    assert (request.left_behind, request.attempts, request.flaw) == (True, 3, "")
    assert (request.began_anew, request.talk_began_at) == (True, row.answered_at)


@pytest.mark.parametrize(
    ("status", "began_anew"),
    [(RecordingStatus.RECORDING, False), (RecordingStatus.PENDING, True)],
)
async def test_a_recording_that_is_pending_again_had_recorded_before(
    database: Database, status: RecordingStatus, began_anew: bool
) -> None:
    (call,) = await given_calls(database, 1)
    async with database.session() as session:
        await Recordings(session).write(WriteRecording(call_id=call, status=status, attempts=1))
    await end(database, call)
    async with database.reader() as session:
        (request,) = await Unfinished(session).recordings_among([call])
    assert request.began_anew is began_anew


async def test_a_recording_that_was_cut_off_before_it_was_written_down(database: Database) -> None:
    """Egress may record it all the same; and the call's report waits for its end."""
    goes_on, over = await given_calls(database, 2)
    await end(database, over)
    async with database.reader() as session:
        found = await Unfinished(session).recordings_among([goes_on, over])
        row = await Calls(session).get(over)
    assert row is not None
    (request,) = found
    assert (request.call_id, request.tenant_id) == (over, row.tenant_id)
    assert (request.room_name, request.left_behind) == (row.room_name, True)
    assert (request.attempts, request.flaw) == (0, "")


async def test_a_recording_that_needs_attention_and_lost_its_workflow(database: Database) -> None:
    """Nobody could retry it; whoever takes it up says why it waits."""
    (call,) = await given_calls(database, 1)
    waits = WriteRecording(
        call_id=call, status=RecordingStatus.NEEDS_ATTENTION, attempts=1, detail="It is empty."
    )
    async with database.session() as session:
        await Recordings(session).write(waits)
    await end(database, call)
    async with database.reader() as session:
        (request,) = await Unfinished(session).recordings_among([call])
    assert (request.left_behind, request.flaw) == (True, "It is empty.")
