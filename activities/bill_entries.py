"""What the timeline says of a bill: what it was made of and what came out, so that whoever has the
timeline and the price tables can make it anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from activities.bills import Used, held_of
from activities.holds_told import holds_told
from contract.calls import Provider, TimelineEntry
from contract.facts import UsageItem
from contract.identity import AgentRole
from contract.steps import AgentStay, SettleBill
from store.models import EventRow, LedgerRow

COUNTED, SETTLED = "usage_counted", "bill_settled"
_SOURCE = "billing"


def counted_entry(order: SettleBill, used: Used) -> TimelineEntry:
    """The holds are not in here: they are on the timeline by themselves."""
    return TimelineEntry(
        source=_SOURCE,
        source_seq=2,
        at=order.settled_at,
        actor="platform",
        kind=COUNTED,
        text=_counted_in_words(used),
        data={
            "tenant_id": used.tenant_id,
            "provider": used.provider.value,
            "trunk_id": used.trunk_id,
            "started_at": used.started_at.isoformat(),
            "answered_at": used.answered_at.isoformat() if used.answered_at else None,
            "ended_at": used.ended_at.isoformat(),
            "usage": [asdict(item) for item in used.usage],
            "agents": [_stay(stay) for stay in used.agents],
            "missing": list(used.missing),
        },
    )


def settled_entry(order: SettleBill, row: LedgerRow) -> TimelineEntry:
    partial = " It is partial." if row.partial else ""
    return TimelineEntry(
        source=_SOURCE,
        source_seq=1,
        at=order.settled_at,
        actor="platform",
        kind=SETTLED,
        text=f"The bill is settled: {row.total} {row.currency}.{partial}",
        data={
            "partial": row.partial,
            "partial_because": row.partial_because,
            "price_table": row.price_table,
            "recorded": order.recorded,
        },
    )


def used_of_timeline(events: Sequence[EventRow]) -> Used:
    """What `bill_of` needs, from a whole timeline. Raises LookupError when no bill was settled, or
    by a version of ours that did not yet tell what it counted."""
    told = next((event.data for event in events if event.kind == COUNTED), None)
    if told is None:
        raise LookupError("The timeline does not tell what a bill was made of.")
    ended_at = datetime.fromisoformat(told["ended_at"])
    return Used(
        tenant_id=told["tenant_id"],
        provider=Provider(told["provider"]),
        trunk_id=told["trunk_id"],
        started_at=datetime.fromisoformat(told["started_at"]),
        answered_at=_moment(told["answered_at"]),
        ended_at=ended_at,
        held=held_of(holds_told(events, ended_at)),
        usage=tuple(UsageItem(**item) for item in told["usage"]),
        agents=tuple(
            AgentStay(
                role=AgentRole(stay["role"]),
                generation=stay["generation"],
                since=datetime.fromisoformat(stay["since"]),
                until=_moment(stay["until"]),
            )
            for stay in told["agents"]
        ),
        missing=tuple(told["missing"]),
    )


def _counted_in_words(used: Used) -> str:
    if used.answered_at is None:
        return "Nobody answered: nothing is charged."
    of = f"{len(used.usage)} reports of usage" if len(used.usage) != 1 else "1 report of usage"
    return f"Counted for the bill: {used.talked} s from answer to end, and {of}."


def _stay(stay: AgentStay) -> dict[str, Any]:
    return {
        "role": stay.role.value,
        "generation": stay.generation,
        "since": stay.since.isoformat(),
        "until": stay.until.isoformat() if stay.until else None,
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
