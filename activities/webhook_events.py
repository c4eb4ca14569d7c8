"""Which events follow from what the store has just learned of a call, within its transaction.

So an event is told if and only if what it tells of is durable, and only once: a repeated activity
finds nothing new.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, RecordingStatus, TimelineEntry
from contract.webhooks import EventType, event_id_of
from store.calls import CallChange, Calls
from store.ledger import Ledger
from store.models import CallRow, EventRow, LedgerRow, RecordingRow
from store.recordings import RecordingChange, Recordings
from store.webhook_deliveries import Deliveries, NewEvent
from store.webhooks import Webhooks

_OF_ENTRIES = {
    "ringing": EventType.CALL_RINGING,
    "held": EventType.CALL_HELD,
    "resumed": EventType.CALL_RESUMED,
    "negative_run": EventType.NEGATIVE_RUN,
}
# What an entry of the timeline may add; the rest of it is for those who may read the call.
_TOLD_OF_ENTRIES = {
    EventType.CALL_HELD: ("holder",),
    EventType.CALL_RESUMED: ("holder",),
    EventType.NEGATIVE_RUN: ("speaker", "turns", "compound"),
}
_OF_RECORDINGS = {
    f"recording_{RecordingStatus.READY}": EventType.RECORDING_READY,
    f"recording_{RecordingStatus.NEEDS_ATTENTION}": EventType.RECORDING_FAILED,
    f"recording_{RecordingStatus.LOST}": EventType.RECORDING_FAILED,
}
_SETTLED = (
    RecordingStatus.READY,
    RecordingStatus.NEEDS_ATTENTION,
    RecordingStatus.LOST,
    RecordingStatus.DELETED,
)

Entry = TimelineEntry | EventRow


@dataclass(frozen=True, slots=True)
class _Event:
    """`which` tells it from others of its type in the same call."""

    type: EventType
    at: datetime
    which: str = ""
    data: dict[str, Any] = field(default_factory=dict)


async def tell_change(session: AsyncSession, change: CallChange) -> None:
    if _is_anybodys(change.row):
        return
    events = list(_of_entries(change.row, change.entries))
    if not change.was_answered:
        events += _of_answer(change.row)
    if change.has_ended:
        events.append(_ended(change.row))
    await _tell(session, change.row, events)
    if change.has_ended:
        await tell_report(session, change.row)


async def tell_so_far(session: AsyncSession, call_id: str) -> None:
    """Of a call whose tenant is known only now."""
    row = await Calls(session).get(call_id)
    if row is None or _is_anybodys(row):
        return
    entries = await Calls(session).events(call_id)
    await _tell(session, row, [*_of_entries(row, entries), *_of_answer(row)])


async def tell_recording(session: AsyncSession, change: RecordingChange) -> None:
    row = await Calls(session).get(change.row.call_id)
    if row is None or change.was == RecordingStatus.DELETED:
        return  # whatever a retry has found meanwhile is deleted as well
    events = [
        _Event(_OF_RECORDINGS[entry.kind], entry.at, _which(entry), _recording(change.row))
        for entry in change.entries
        if entry.kind in _OF_RECORDINGS
    ]
    await _tell(session, row, events)
    await tell_report(session, row)


async def tell_report(session: AsyncSession, row: CallRow) -> None:
    """Once the call is over, its bill settled, and its recording, if it has one, settled too:
    whichever comes last."""
    bill = await Ledger(session).get(row.call_id)
    if row.status != CallStatus.ENDED or bill is None:
        return
    recording = await Recordings(session).get(row.call_id)
    if recording is None and await _is_recorded(session, row.call_id):
        return
    if recording is not None and recording.status not in _SETTLED:
        return
    await _tell(session, row, [_report(row, bill, recording)])


async def _tell(session: AsyncSession, row: CallRow, events: Sequence[_Event]) -> None:
    webhooks = await Webhooks(session).enabled(row.tenant_id) if events else ()
    if not webhooks:
        return
    for event in sorted(events, key=lambda event: event.at):
        new = NewEvent(
            id=event_id_of(row.call_id, event.type, event.which),
            tenant_id=row.tenant_id,
            call_id=row.call_id,
            type=event.type,
            at=event.at,
            body=_body(row, event),
        )
        await Deliveries(session).tell(new, webhooks)


def _is_anybodys(row: CallRow) -> bool:
    """Until the assistant of a room that others made is known, nobody knows its tenant."""
    return row.assistant_id is None and row.status != CallStatus.ENDED


def _of_entries(row: CallRow, entries: Sequence[Entry]) -> Iterator[_Event]:
    for entry in entries:
        if (entry.source, entry.source_seq) == ("workflow", 1):
            yield _Event(EventType.CALL_STARTED, row.started_at)
        kind = _OF_ENTRIES.get(entry.kind)
        if kind is not None:
            told = {name: entry.data.get(name) for name in _TOLD_OF_ENTRIES.get(kind, ())}
            yield _Event(kind, entry.at, _which(entry), told)


def _of_answer(row: CallRow) -> list[_Event]:
    if row.answered_at is None:
        return []
    told = {"answered_at": _text(row.answered_at)}
    return [_Event(EventType.CALL_ANSWERED, row.answered_at, data=told)]


def _ended(row: CallRow) -> _Event:
    return _Event(EventType.CALL_ENDED, row.ended_at or datetime.now(UTC), data=_ending(row))


def _report(row: CallRow, bill: LedgerRow, recording: RecordingRow | None) -> _Event:
    moments = [bill.settled_at, *([recording.updated_at] if recording else [])]
    told = _ending(row) | _recording(recording)
    told["cost"] = {"total": bill.total, "currency": bill.currency, "partial": bill.partial}
    return _Event(EventType.REPORT_READY, max(moments), data=told)


async def _is_recorded(session: AsyncSession, call_id: str) -> bool:
    """As the bill's line on the timeline says; a recording writes itself down only when it is
    under way."""
    events = await Calls(session).events(call_id)
    return any(event.kind == "bill_settled" and event.data.get("recorded") for event in events)


def _ending(row: CallRow) -> dict[str, Any]:
    return {
        "answered_at": _text(row.answered_at),
        "ended_at": _text(row.ended_at),
        "ended_reason": row.ended_reason,
        "ended_by": row.ended_by,
        "talk_seconds": row.talk_seconds,
    }


def _recording(row: RecordingRow | None) -> dict[str, Any]:
    if row is None:
        return {"recording": {"status": RecordingStatus.NOT_REQUESTED.value}}
    told = {
        "status": row.status,
        "detail": row.detail,
        "attempts": row.attempts,
        "duration_seconds": row.duration_seconds,
        "size_bytes": row.size_bytes,
        "sha256": row.sha256,
    }
    return {"recording": told}


def _body(row: CallRow, event: _Event) -> str:
    """Without telephone numbers: what a webhook needs of a call is where to read the rest."""
    call = {
        "call_id": row.call_id,
        "direction": row.direction,
        "provider": row.provider,
        "assistant_id": row.assistant_id,
        "trunk_id": row.trunk_id,
        "started_at": _text(row.started_at),
    }
    told = {"type": event.type.value, "timestamp": _text(event.at), "data": call | event.data}
    return json.dumps(told, separators=(",", ":"))


def _which(entry: Entry) -> str:
    return f"{entry.source}/{entry.source_seq}"


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
