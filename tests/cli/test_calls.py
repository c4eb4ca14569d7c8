"""Reading calls: for people a table and a page, for scripts one JSON document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contract.calls import CallStatus, TimelineEntry
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import new_call_id
from contract.steps import WriteRecord
from store.calls import Calls
from store.ledger import Ledger
from tests.api.service import Service, call_token
from tests.cli.conftest import Installation, Switchboard

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def entry(seq: int, kind: str) -> TimelineEntry:
    return TimelineEntry(
        source="workflow",
        source_seq=seq,
        at=NOON + timedelta(seconds=seq),
        actor="platform",
        kind=kind,
        text=f"Line {seq}",
    )


async def ended_call(
    service: Service,
    reason: EndedReason = EndedReason.CALLER_HUNG_UP,
    by: EndedBy = EndedBy.CALLER,
) -> str:
    call_id = new_call_id()
    await service.given_call(call_id, started_at=NOON, metadata={"order": "A-17"})
    entries = (entry(1, "room_opened"), entry(2, "bill_settled"))
    async with service.parts.database.session() as session:
        await Calls(session).write(
            WriteRecord(
                call_id=call_id,
                status=CallStatus.ENDED,
                answered_at=NOON + timedelta(seconds=1),
                ended_at=NOON + timedelta(seconds=31),
                ending=CallEnding(reason, by, "It is over."),
                talk_seconds=30.0,
                entries=entries,
            )
        )
        item = {
            "what": "tts",
            "provider": "elevenlabs",
            "quantity": "212",
            "unit": "characters",
            "unit_price": "0.00005",
            "amount": "0.0106",
        }
        await Ledger(session).settle(call_id, "default", "0.0106", "USD", False, [item])
    return call_id


async def test_a_record_shows_its_end_its_cost_and_links(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service)
    shown = await switchboard("calls", "show", call_id)
    assert shown.code == 0
    for part in (
        call_id,
        "caller_hung_up",
        "30.0 s",
        "order=A-17",
        "0.010600 USD",
        "212 characters",
    ):
        assert part in shown.out
    document = (await switchboard("calls", "show", call_id, "--json")).document
    assert document == (await installation.service.get(f"/calls/{call_id}")).json()


async def test_a_list_pages_filters_and_follows_cursors(
    installation: Installation, switchboard: Switchboard
) -> None:
    ended = await ended_call(installation.service)
    queued = [new_call_id() for _ in range(3)]
    for minute, call_id in enumerate(queued):
        started_at = NOON + timedelta(minutes=minute + 1)
        await installation.service.given_call(call_id, started_at=started_at)
    newest_first = [*reversed(queued), ended]

    page = (await switchboard("--json", "calls", "list", "--limit", "2")).document
    assert [item["call_id"] for item in page["items"]] == newest_first[:2]
    rest = await switchboard("calls", "list", "--cursor", page["next_cursor"], "--json")
    assert [item["call_id"] for item in rest.document["items"]] == newest_first[2:]

    table = await switchboard("calls", "list", "--limit", "2")
    assert queued[2] in table.out
    assert "--all" in table.err
    everything = await switchboard("calls", "list", "--all")
    assert [line.split()[0] for line in everything.out.splitlines()[1:]] == newest_first
    filtered = await switchboard("calls", "list", "--status", "ended", "--json")
    assert [item["call_id"] for item in filtered.document["items"]] == [ended]
    since = await switchboard("calls", "list", "--started-after", "2026-01-05T12:02:00Z", "--json")
    assert [item["call_id"] for item in since.document["items"]] == [queued[2]]


async def test_timeline_and_transcript_cannot_steer_the_terminal(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service)
    turn = {
        "source": "atlas-1",
        "source_seq": 1,
        "speaker": "caller",
        "text": "A table\x1b[2J for [bold]two[/bold], please.",
        "language": "en-US",
        "start": "2026-01-05T12:00:05Z",
        "end": "2026-01-05T12:00:06Z",
        "sentiment": {"compound": 0.4404},
    }
    await installation.service.post(
        f"/internal/calls/{call_id}/turns", {"turns": [turn]}, headers=call_token(call_id)
    )
    for view in ("timeline", "transcript"):
        shown = await switchboard("calls", view, call_id)
        assert "\x1b" not in shown.out
        assert "for [bold]two[/bold], please." in shown.out
        assert ("(+0.44)" in shown.out) is (view == "transcript")
        document = (await switchboard("calls", view, call_id, "--json")).document
        assert document == (await installation.service.get(f"/calls/{call_id}/{view}")).json()


async def test_watching_a_call_that_is_over_shows_it_and_its_record(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service)
    watched = await switchboard("calls", "watch", call_id, "--json")
    assert watched.code == 0
    *events, last = watched.lines
    assert [event["seq"] for event in events] == [1, 2]
    assert last["call"]["ended_reason"] == "caller_hung_up"
    later = await switchboard("calls", "watch", call_id, "--after", "1", "--json")
    assert [line["seq"] for line in later.lines[:-1]] == [2]


@pytest.mark.parametrize(
    ("reason", "by", "code"),
    [
        (EndedReason.ASSISTANT_FAILED, EndedBy.PLATFORM, 1),
        (EndedReason.PROVIDER_ERROR, EndedBy.PROVIDER, 1),
        (EndedReason.BUSY, EndedBy.CALLEE, 0),
        (EndedReason.MAX_DURATION, EndedBy.PLATFORM, 0),
    ],
)
async def test_the_exit_code_of_watch_says_whether_a_fault_ended_the_call(
    installation: Installation,
    switchboard: Switchboard,
    reason: EndedReason,
    by: EndedBy,
    code: int,
) -> None:
    call_id = await ended_call(installation.service, reason, by)
    assert (await switchboard("calls", "watch", call_id)).code == code
    as_json = await switchboard("calls", "watch", call_id, "--json")
    assert as_json.code == code
    assert as_json.lines[-1]["call"]["ended_reason"] == reason  # and no second document


async def test_there_is_nothing_to_download_without_a_recording(
    installation: Installation, switchboard: Switchboard, tmp_path: object
) -> None:
    call_id = await ended_call(installation.service)
    told = await switchboard("calls", "recording", call_id, "--json")
    assert (told.code, told.document["status"]) == (0, "not_requested")
    refused = await switchboard("calls", "recording", call_id, "-o", f"{tmp_path}/x.ogg")
    assert refused.code == 6
    assert "not_requested" in refused.err
