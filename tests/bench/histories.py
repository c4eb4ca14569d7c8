"""Reading workflow histories: moments, facts, sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client


@dataclass(frozen=True, slots=True)
class FactSeen:
    """A signal with a fact: when it happened, and when Temporal took it."""

    kind: str
    source: str
    data: dict[str, Any]
    happened_at: float
    taken_at: float


def moment(event: HistoryEvent) -> float:
    return float(event.event_time.ToNanoseconds()) / 1e9


def kind(event: HistoryEvent) -> str:
    return str(event.WhichOneof("attributes")).removesuffix("_event_attributes")


async def events_of(client: Client, workflow_id: str) -> list[HistoryEvent]:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return list(history.events)


async def facts_of(client: Client, workflow_id: str) -> list[FactSeen]:
    from contract.facts import FACT_SIGNAL, FACTS_SIGNAL, Fact

    found = []
    for event in await events_of(client, workflow_id):
        if kind(event) != "workflow_execution_signaled":
            continue
        told = event.workflow_execution_signaled_event_attributes
        if told.signal_name not in (FACT_SIGNAL, FACTS_SIGNAL):
            continue
        (given,) = await client.data_converter.decode(told.input.payloads)
        for raw in given if told.signal_name == FACTS_SIGNAL else [given]:
            fact = Fact.from_dict(raw)
            at = fact.at.timestamp()
            found.append(FactSeen(fact.kind, fact.source, fact.data, at, moment(event)))
    return found


async def size_of(client: Client, workflow_id: str) -> tuple[int, int]:
    """(events, bytes) as Temporal counts them."""
    info = (await client.get_workflow_handle(workflow_id).describe()).raw_description
    execution = info.workflow_execution_info
    return execution.history_length, execution.history_size_bytes


async def count_kinds(client: Client, workflow_id: str) -> Counter[str]:
    return Counter(kind(event) for event in await events_of(client, workflow_id))
