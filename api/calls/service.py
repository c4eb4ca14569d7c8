"""Calls as clients see them: read from the store, never asked of a workflow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Depends

from api.auth import Reader
from api.calls.schemas import CallRead, CallRecording, CallSummary, Cost, Hold
from api.links import call_links
from api.parts import FromParts
from api.retention.reading import hold_of, retention_of
from api.settings import ApiSettings
from contract.calls import CallStatus, RecordingStatus
from store.calls import Calls
from store.erasures import Erasures
from store.errors import CallUnknown
from store.ledger import Ledger
from store.legal_holds import LegalHolds
from store.models import CallRow, EventRow, LedgerRow, RecordingRow
from store.recordings import Recordings


async def _call_of_tenant(call_id: str, parts: FromParts, principal: Reader) -> CallRow:
    """Other tenants' calls do not exist."""
    async with parts.database.reader() as session:
        row = await Calls(session).get(call_id, principal.tenant_id)
    if row is None:
        raise CallUnknown(call_id)
    return row


CallInPath = Annotated[CallRow, Depends(_call_of_tenant)]


async def read_call(parts: FromParts, row: CallRow) -> CallRead:
    async with parts.database.reader() as session:
        recording = await Recordings(session).get(row.call_id)
        bill = await Ledger(session).get(row.call_id)
        changes = await Calls(session).holds(row.call_id)
        erasures = await Erasures(session).of_call(row.call_id)
        legal_hold = await LegalHolds(session).get(row.call_id)
    fields = {name: getattr(row, name) for name in CallRead.model_fields if hasattr(row, name)}
    fields |= {
        "metadata": row.metadata_,
        "holds": holds_of(changes, row.ended_at),
        "recording": recording_of(row, recording),
        "retention": retention_of(erasures),
        "legal_hold": hold_of(legal_hold),
        "cost": _cost(bill) if bill is not None else None,
        "links": call_links(parts.settings, row.call_id, row.room_name),
    }
    return CallRead.model_validate(fields)


def summary_of(settings: ApiSettings, row: CallRow, recording: RecordingStatus) -> CallSummary:
    fields = {name: getattr(row, name) for name in CallSummary.model_fields if hasattr(row, name)}
    links = call_links(settings, row.call_id, row.room_name)
    return CallSummary.model_validate(fields | {"recording_status": recording, "links": links})


def recording_of(call: CallRow, recording: RecordingRow | None) -> CallRecording:
    if recording is not None:
        return CallRecording(
            status=RecordingStatus(recording.status),
            attempts=recording.attempts,
            detail=recording.detail,
            duration_seconds=recording.duration_seconds,
        )
    waits = call.record and call.status != CallStatus.ENDED
    status = RecordingStatus.PENDING if waits else RecordingStatus.NOT_REQUESTED
    return CallRecording(status=status, attempts=0, detail=_why_not_recorded(call, waits))


def _why_not_recorded(call: CallRow, waits: bool) -> str:
    """Of a call that was to be recorded, and is over."""
    if not call.record or waits:
        return ""
    if call.answered_at is None:
        return "Nobody answered, so there was nothing to record."
    return "The call ended before its recording began."


def holds_of(changes: Sequence[EventRow], ended_at: datetime | None) -> list[Hold]:
    """From the timeline's `held` and `resumed`, each with its holder in `data`."""
    holds: list[Hold] = []
    for event in changes:
        holder = str(event.data.get("holder", ""))
        if event.kind == "held":
            holds.append(Hold(begin=event.at, end=None, holder=holder))
        elif event.kind == "resumed":
            for hold in holds:
                if hold.end is None and hold.holder == holder:
                    hold.end = event.at
    for hold in holds:
        hold.end = hold.end or ended_at
    return holds


def _cost(bill: LedgerRow) -> Cost:
    return Cost.model_validate(
        {
            "total": bill.total,
            "currency": bill.currency,
            "partial": bill.partial,
            "partial_because": bill.partial_because,
            "price_table": bill.price_table,
            "seconds": bill.seconds or None,
            "items": bill.items,
        }
    )
