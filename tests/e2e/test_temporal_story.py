"""What an operator finds in Temporal after an ordinary call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from contract.identity import recording_workflow_id
from tests.e2e.ordinary_call import OrdinaryCall
from tests.e2e.switchboard import Switchboard, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

MOST_EVENTS = 150


async def test_an_ordinary_calls_history_is_short(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    of_the_call, of_its_recording = await histories(switchboard, ordinary_call)
    assert len(of_the_call.events) <= MOST_EVENTS
    assert len(of_its_recording.events) <= MOST_EVENTS


async def test_every_activity_says_in_words_what_it_does(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    scheduled = [
        event
        for history in await histories(switchboard, ordinary_call)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert scheduled
    summaries = await decoded(switchboard, [e.user_metadata.summary for e in scheduled])
    for event, summary in zip(scheduled, summaries, strict=True):
        name = event.activity_task_scheduled_event_attributes.activity_type.name
        text = summary.data.decode().strip('"')
        assert len(text.split()) >= 2, f"{name}: {text!r}"
        assert "_" not in text, f"{name}: {text!r}"


async def test_payloads_are_encrypted_and_readable_through_the_codec(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    call_history, _ = await histories(switchboard, ordinary_call)
    payloads = [p for event in call_history.events for p in payloads_in(event)]
    assert len(payloads) > 20
    in_clear = [p for p in payloads if p.metadata["encoding"] != b"binary/encrypted"]
    assert [p for p in in_clear if not is_searchable(p)] == []
    secret = [p for p in payloads if p.metadata["encoding"] == b"binary/encrypted"]
    clear = await decoded(switchboard, secret)
    assert all(p.metadata["encoding"] != b"binary/encrypted" for p in clear)
    assert ordinary_call.web_call.id.encode() in b"".join(p.data for p in clear)
    assert ordinary_call.web_call.id.encode() not in b"".join(p.data for p in secret)


async def test_the_browser_of_the_temporal_ui_may_ask_the_codec(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    """As the page does it: no API key, and only from the UI's own origin."""
    here = switchboard.description
    (call_history, _) = await histories(switchboard, ordinary_call)
    payload = next(p for event in call_history.events for p in payloads_in(event))
    body = MessageToDict(Payloads(payloads=[payload]))
    async with httpx2.AsyncClient() as browser:
        answer = await browser.post(
            f"{here.api_url}/codec/decode", json=body, headers={"Origin": here.temporal_ui_url}
        )
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == here.temporal_ui_url


async def test_the_temporal_ui_shows_the_call(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    url = switchboard.description.workflow_url(ordinary_call.web_call.id)
    assert ordinary_call.record.call["links"]["temporal"] == url
    async with httpx2.AsyncClient() as browser:
        assert (await browser.get(url)).status_code == 200


async def test_calls_are_found_by_how_they_ended(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    async def found(query: str) -> list[str]:
        return [each.id async for each in switchboard.temporal.list_workflows(query)]

    ours = ordinary_call.web_call.id

    async def is_listed() -> bool:
        ended = "CallStatus='ended' AND EndedReason='caller_hung_up' AND EndedBy='caller'"
        return ours in await found(f"{ended} AND AssistantId='demo' AND TalkSeconds > 3")

    await eventually(is_listed, timeout=10, otherwise="visibility never listed the call")
    assert ours not in await found("EndedReason='max_duration'")


async def histories(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> tuple[WorkflowHistory, WorkflowHistory]:
    """Of the call and of its recording, as they lie in the database."""
    call_id = ordinary_call.web_call.id
    recording = switchboard.temporal.get_workflow_handle(recording_workflow_id(call_id))
    return (
        await ordinary_call.web_call.workflow.fetch_history(),
        await recording.fetch_history(),
    )


async def decoded(switchboard: Switchboard, payloads: list[Payload]) -> list[Payload]:
    body = MessageToDict(Payloads(payloads=payloads))
    answer = await switchboard.http.post("/codec/decode", json=body)
    assert answer.status_code == 200, answer.text
    return list(ParseDict(answer.json(), Payloads()).payloads)


def payloads_in(message: Any) -> Iterator[Payload]:
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if isinstance(value, Message):
            yield from payloads_in(value)
            continue
        # A repeated field, or a map (by its values; those of plain types hold no payload).
        parts = value.values() if hasattr(value, "values") else value
        for part in parts:
            if isinstance(part, Message):
                yield from payloads_in(part)


def is_searchable(payload: Payload) -> bool:
    """Search attributes must be in clear: Temporal indexes them. They carry their type."""
    return "type" in payload.metadata or payload.metadata["encoding"] == b"binary/null"
