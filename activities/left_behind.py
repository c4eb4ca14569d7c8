"""What the history of a closed workflow still tells of its call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.converter import DataConverter

from contract.calls import CallRequest
from contract.facts import FACT_SIGNAL, FACTS_SIGNAL, Fact, FactKind

# Who came, answered, left, ended it or used something. The rest, above all the figures of a long
# call's sound, is on the timeline already and would not fit into one answer of an activity.
_TELLING = frozenset(
    {
        FactKind.PARTICIPANT_JOINED,
        FactKind.PARTICIPANT_LEFT,
        FactKind.ROOM_FINISHED,
        FactKind.ROOM_GONE,
        FactKind.ROOM_REPLACED,
        FactKind.HUMANS_PRESENT,
        FactKind.HUMANS_GONE,
        FactKind.AGENT_READY,
        FactKind.AGENT_FAILED,
        FactKind.AGENTS_GONE,
        FactKind.OPENING_STARTED,
        FactKind.ASSISTANT_ENDED,
        FactKind.SILENCE_TIMEOUT,
        FactKind.USAGE_REPORTED,
        FactKind.RINGING,
        FactKind.ANSWERED,
        FactKind.LEG_ENDED,
        FactKind.CANCEL_REQUESTED,
    }
)
_LONGEST = 300


@dataclass(slots=True)
class Story:
    """`why` and `by`: of a termination the operator's reason and who they are to Temporal, of a
    failure its message."""

    request: CallRequest | None = None
    facts: list[dict[str, Any]] = field(default_factory=list)
    why: str = ""
    by: str = ""
    closed_at: datetime | None = None


async def read_story(temporal: Client, workflow_id: str) -> Story:
    """Raises RPCError, NOT_FOUND among others."""
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    story, converter = Story(), temporal.data_converter
    for event in history.events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                given = event.workflow_execution_started_event_attributes.input.payloads
                story.request = await _decoded(converter, given, CallRequest)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                await _take_signal(story, converter, event)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
                ended = event.workflow_execution_terminated_event_attributes
                story.why, story.by = ended.reason[:_LONGEST], ended.identity[:_LONGEST]
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
                failure = event.workflow_execution_failed_event_attributes.failure
                story.why = str(await converter.decode_failure(failure))[:_LONGEST]
    if history.events:
        story.closed_at = history.events[-1].event_time.ToDatetime(tzinfo=UTC)
    return story


async def _take_signal(story: Story, converter: DataConverter, event: HistoryEvent) -> None:
    told = event.workflow_execution_signaled_event_attributes
    payloads = told.input.payloads
    if told.signal_name == FACT_SIGNAL:
        story.facts += _telling([await _decoded(converter, payloads, dict)])
    elif told.signal_name == FACTS_SIGNAL:
        story.facts += _telling(await _decoded(converter, payloads, list) or [])


def _telling(told: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for raw in told:
        with suppress(ValueError):  # as the call itself dropped it
            if Fact.from_dict(raw).kind in _TELLING:
                yield raw


async def _decoded(converter: DataConverter, payloads: Sequence[Any], kind: type[Any]) -> Any:
    """None for what does not decode: what is left of the call must be finished all the same."""
    try:
        (value,) = await converter.decode(payloads, [kind])
    except Exception:  # whatever a codec without its key, or a foreign input, comes up with
        return None
    return value
