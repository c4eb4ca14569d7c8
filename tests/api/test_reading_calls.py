"""What clients and auditors read of a call, and what its agents write."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from contract.calls import CallStatus, RecordingStatus, TimelineEntry
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import new_call_id
from contract.steps import WriteRecord, WriteRecording
from store.calls import Calls
from store.ledger import Ledger
from store.recordings import Recordings
from tests.api.service import Service, call_token

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ENDED = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "The caller left.")


@pytest.fixture
async def call_id(service: Service) -> str:
    call_id = new_call_id()
    await service.given_call(call_id, started_at=NOON, record=True)
    return call_id


async def write(
    service: Service, call_id: str, *lines: int, kind: str = "step", **news: object
) -> None:
    entries = tuple(
        TimelineEntry(
            source="workflow",
            source_seq=line,
            at=NOON + timedelta(seconds=line),
            actor="platform",
            kind=kind,
            text=f"Line {line}",
        )
        for line in lines
    )
    async with service.parts.database.session() as session:
        await Calls(session).write(WriteRecord(call_id=call_id, entries=entries, **news))  # type: ignore[arg-type]


async def end(
    service: Service, call_id: str, *lines: int, ended_at: datetime = NOON + timedelta(seconds=31)
) -> None:
    await write(
        service,
        call_id,
        *lines,
        status=CallStatus.ENDED,
        answered_at=NOON + timedelta(seconds=1),
        ended_at=ended_at,
        ending=ENDED,
        talk_seconds=30.0,
    )


async def write_recording(service: Service, news: WriteRecording) -> None:
    async with service.parts.database.session() as session:
        await Recordings(session).write(news)


async def test_a_call_shows_its_end_recording_cost_and_links(
    service: Service, call_id: str
) -> None:
    fresh = (await service.get(f"/calls/{call_id}")).json()
    assert (fresh["status"], fresh["cost"], fresh["recording"]["status"]) == (
        "queued",
        None,
        "pending",
    )
    await end(service, call_id)
    item = {
        "what": "tts",
        "provider": "elevenlabs",
        "quantity": "212",
        "unit": "characters",
        "unit_price": "0.00005",
        "amount": "0.0106",
    }
    unknown = item | {"model": "new", "unit_price": None, "amount": None, "why": "No price."}
    bill = [item, unknown]
    async with service.parts.database.session() as session:
        await Ledger(session).settle(
            call_id,
            "default",
            "0.0106",
            "USD",
            True,
            bill,
            price_table="2026-11-01",
            partial_because=["No price."],
            seconds={"answered": "30.000", "held": "0.000"},
        )
    shown = (await service.get(f"/calls/{call_id}")).json()
    assert (shown["status"], shown["ended_reason"], shown["ended_by"]) == (
        "ended",
        "caller_hung_up",
        "caller",
    )
    assert shown["ended_at"] == "2026-01-05T12:00:31Z"
    assert shown["talk_seconds"] == 30.0
    assert shown["cost"] == {
        "total": "0.0106",
        "currency": "USD",
        "partial": True,
        "partial_because": ["No price."],
        "price_table": "2026-11-01",
        "seconds": {"answered": "30.000", "held": "0.000"},
        "items": [{"model": "", "per": "1", "price_table": "", "why": ""} | line for line in bill],
    }
    assert shown["links"]["self"] == f"http://api.test/calls/{call_id}"
    assert shown["links"]["temporal"].startswith("http://temporal-ui.test/namespaces/default/")


async def test_a_bill_of_before_bills_said_why_is_read_as_it_was(
    service: Service, call_id: str
) -> None:
    await end(service, call_id)
    item = {"what": "tts", "provider": "elevenlabs", "quantity": "1", "unit": "characters"}
    async with service.parts.database.session() as session:
        priced = item | {"unit_price": "0.1", "amount": "0.1"}
        await Ledger(session).settle(call_id, "default", "0.1", "USD", True, [priced])
    cost = (await service.get(f"/calls/{call_id}")).json()["cost"]
    assert (cost["partial"], cost["partial_because"], cost["seconds"]) == (True, [], None)


async def test_lists_page_and_filter(service: Service, call_id: str) -> None:
    await end(service, call_id)
    for minute in (1, 2):
        await service.given_call(new_call_id(), started_at=NOON + timedelta(minutes=minute))
    first = (await service.get("/calls?limit=2")).json()
    assert [item["status"] for item in first["items"]] == ["queued", "queued"]
    rest = (await service.get("/calls", params={"cursor": first["next_cursor"]})).json()
    assert [item["call_id"] for item in rest["items"]] == [call_id]
    assert rest["next_cursor"] is None
    ended = (await service.get("/calls?status=ended&ended_reason=caller_hung_up")).json()
    assert [item["call_id"] for item in ended["items"]] == [call_id]


async def test_agents_tell_turns_once_and_they_are_read_as_transcript(
    service: Service, call_id: str
) -> None:
    turn = {
        "source": "atlas-1",
        "source_seq": 1,
        "speaker": "caller",
        "text": "A table for two, please.",
        "language": "en-US",
        "start": "2026-11-21T17:30:05+05:30",
        "end": "2026-11-21T17:30:06+05:30",
        "sentiment": None,
    }
    for _ in range(2):
        answer = await service.post(
            f"/internal/calls/{call_id}/turns", {"turns": [turn]}, headers=call_token(call_id)
        )
        assert answer.status_code == 204
    items = (await service.get(f"/calls/{call_id}/transcript")).json()["items"]
    assert [(item["speaker"], item["text"], item["start"]) for item in items] == [
        ("caller", "A table for two, please.", "2026-11-21T12:00:05Z")
    ]
    timeline = (await service.get(f"/calls/{call_id}/timeline")).json()["items"]
    assert [(item["seq"], item["kind"], item["actor"]) for item in timeline] == [
        (1, "turn", "caller")
    ]


async def test_media_bots_turns_have_a_sentiment_or_a_reason_why_not(
    service: Service, call_id: str
) -> None:
    scores = {"neg": 0.6, "neu": 0.4, "pos": 0.0, "compound": -0.62}
    english = {
        "source": "media-bot-1",
        "source_seq": 1,
        "speaker": "caller",
        "text": "This is terrible.",
        "language": "en-US",
        "start": "2026-01-05T12:00:05Z",
        "end": "2026-01-05T12:00:06Z",
        "sentiment": scores,
    }
    german = english | {
        "source_seq": 2,
        "speaker": "human-2",
        "language": "de",
        "start": "2026-01-05T12:00:07Z",
        "sentiment": None,
        "reason": "VADER knows English only.",
    }
    answer = await service.post(
        f"/internal/calls/{call_id}/turns",
        {"turns": [english, german]},
        headers=call_token(call_id),
    )
    assert answer.status_code == 204
    told = [("caller", scores, None), ("human-2", None, "VADER knows English only.")]
    items = (await service.get(f"/calls/{call_id}/transcript")).json()["items"]
    assert [(item["speaker"], item["sentiment"], item["reason"]) for item in items] == told
    lines = (await service.get(f"/calls/{call_id}/timeline")).json()["items"]
    assert [
        (line["actor"], line["data"]["sentiment"], line["data"]["reason"]) for line in lines
    ] == told
    both = english | {"source_seq": 3, "reason": "Nobody looked."}
    numbered = english | {"source_seq": 4, "speaker": "sip_+12025550123"}
    for refused in (both, numbered):
        answer = await service.post(
            f"/internal/calls/{call_id}/turns", {"turns": [refused]}, headers=call_token(call_id)
        )
        assert answer.status_code == 422


async def test_malformed_turns_are_refused(service: Service, call_id: str) -> None:
    turn = {"source": "atlas-1", "source_seq": 0, "speaker": "waiter", "text": "x"}
    times = {"start": "2026-11-21T12:00:00", "end": "later"}
    answer = await service.post(
        f"/internal/calls/{call_id}/turns", {"turns": [turn | times]}, headers=call_token(call_id)
    )
    assert {error["field"] for error in answer.json()["errors"]} == {
        f"body.turns.0.{field}" for field in ("source_seq", "speaker", "start", "end")
    }
    many = {"turns": [{}] * 101}
    answer = await service.post(
        f"/internal/calls/{call_id}/turns", many, headers=call_token(call_id)
    )
    assert answer.status_code == 422
    unknown = new_call_id()
    answer = await service.post(
        f"/internal/calls/{unknown}/turns",
        {"turns": [turn | {"source_seq": 1, "speaker": "caller"} | _TIMES]},
        headers=call_token(unknown),
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "call-not-found")


_TIMES = {"start": "2026-11-21T12:00:00Z", "end": "2026-11-21T12:00:01Z"}


def read_stream(text: str) -> list[tuple[int, str]]:
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            data = json.loads(fields["data"])
            assert int(fields["id"]) == data["seq"]
            events.append((data["seq"], data["text"]))
    return events


async def test_events_stream_as_they_happen_until_bill_and_recording_are_settled(
    service: Service, call_id: str
) -> None:
    await write(service, call_id, 1)
    streaming = asyncio.create_task(service.get(f"/calls/{call_id}/events"))
    await asyncio.sleep(0.05)
    await write_recording(
        service, WriteRecording(call_id=call_id, status=RecordingStatus.FINALISING, attempts=1)
    )
    await end(service, call_id, 2, ended_at=datetime.now(UTC))
    await asyncio.sleep(0.3)
    assert not streaming.done()
    await write_recording(
        service, WriteRecording(call_id=call_id, status=RecordingStatus.READY, attempts=1)
    )
    await asyncio.sleep(0.3)
    assert not streaming.done()
    await write(service, call_id, 3, kind="bill_settled")
    answer = await asyncio.wait_for(streaming, 20)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert read_stream(answer.text) == [(1, "Line 1"), (2, "Line 2"), (3, "Line 3")]
    resumed = await service.get(f"/calls/{call_id}/events", headers={"Last-Event-ID": "2"})
    assert read_stream(resumed.text) == [(3, "Line 3")]


async def test_a_recording_is_linked_once_it_is_ready(service: Service, call_id: str) -> None:
    path = f"/calls/{call_id}/recording"
    waiting = (await service.get(path)).json()
    assert (waiting["status"], waiting["url"], waiting["attempts"]) == ("pending", None, 0)
    await write_recording(
        service,
        WriteRecording(
            call_id=call_id,
            status=RecordingStatus.READY,
            attempts=2,
            object_key=f"calls/{call_id}/1.ogg",
            duration_seconds=30.2,
            size_bytes=4711,
            sha256="ab" * 32,
        ),
    )
    ready = (await service.get(path)).json()
    assert (ready["status"], ready["attempts"], ready["size_bytes"]) == ("ready", 2, 4711)
    link = urlsplit(ready["url"])
    assert link.path == f"/recordings/calls/{call_id}/1.ogg"
    assert parse_qs(link.query)["X-Amz-Expires"] == ["900"]
    lifetime = datetime.fromisoformat(ready["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < lifetime <= timedelta(minutes=15)


async def test_hanging_up_a_call_that_is_over_is_409(service: Service, call_id: str) -> None:
    await end(service, call_id)
    answer = await service.post(f"/calls/{call_id}/hangup")
    assert (answer.status_code, answer.json()["code"]) == (409, "call-ended")
    assert answer.json()["call_id"] == call_id
