"""Calls as the store tests begin them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contract.calls import Direction, Provider, TimelineEntry
from contract.identity import new_call_id
from store.calls import NewCall

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def new_call(**changes: Any) -> NewCall:
    call_id = new_call_id()
    usual: dict[str, Any] = {
        "call_id": call_id,
        "tenant_id": "acme",
        "direction": Direction.WEB,
        "provider": Provider.WEB,
        "room_name": call_id,
        "started_at": NOON,
        "assistant_id": "demo",
    }
    return NewCall(**(usual | changes))


def entry(source_seq: int, **changes: Any) -> TimelineEntry:
    usual: dict[str, Any] = {
        "source": "workflow",
        "source_seq": source_seq,
        "at": NOON + timedelta(seconds=source_seq),
        "actor": "platform",
        "kind": "room_opened",
        "text": f"Line {source_seq}",
    }
    return TimelineEntry(**(usual | changes))
