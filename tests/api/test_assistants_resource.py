from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import TypeAdapter

from api.assistants.schemas import AssistantUpdate
from contract.assistants import Assistant, RuntimeMode
from store.assistants import Assistants
from tests.api.service import Service

TOOL = {
    "name": "book_table",
    "description": "Book a table.",
    "url": "https://blue-door.example/bookings",
    "parameters": {"type": "object", "properties": {"party": {"type": "integer"}}},
}


async def test_the_sample_assistant_answers_for_a_restaurant(service: Service) -> None:
    body = (await service.get("/assistants/demo")).json()
    assistant = TypeAdapter(Assistant).validate_python(body)
    assert assistant.opening.text == (
        "Hello, this is the Blue Door restaurant. How can I help you?"
    )
    assert (assistant.stt.provider, assistant.llm.provider, assistant.tts.provider) == (
        "deepgram",
        "groq",
        "elevenlabs",
    )
    assert (assistant.turn.detection, assistant.turn.min_endpointing_delay) == ("stt", 0.0)


def test_the_schema_has_the_contracts_fields_and_defaults() -> None:
    defaults = AssistantUpdate(name="x").model_dump(mode="json")
    contract = dataclasses.asdict(Assistant(id="x", name="x"))
    del contract["id"]
    assert defaults == TypeAdapter(dict[str, Any]).dump_python(contract, mode="json")


async def test_an_assistant_is_created_changed_replaced_and_deleted(service: Service) -> None:
    created = await service.post("/assistants", {"id": "desk", "name": "Desk"})
    assert created.status_code == 201
    assert created.headers["Location"] == "http://api.test/assistants/desk"
    patch = {"silence": {"reprompt_after": 5}, "tools": {"http": [TOOL]}}
    changed = (await service.client.patch("/assistants/desk", json=patch)).json()
    assert changed["silence"]["reprompt_after"] == 5
    assert changed["silence"]["end_call"] is True
    assert changed["tools"]["http"][0]["timeout_seconds"] == 10.0
    assert changed["created_at"] == created.json()["created_at"]
    replaced = (await service.client.put("/assistants/desk", json={"name": "New"})).json()
    assert (replaced["name"], replaced["tools"]["http"]) == ("New", [])
    listed = (await service.get("/assistants")).json()["items"]
    assert [item["id"] for item in listed] == ["demo", "desk"]
    assert (await service.client.delete("/assistants/desk")).status_code == 204
    assert (await service.get("/assistants/desk")).status_code == 404


async def test_an_assistant_may_be_one_model_that_hears_and_speaks(service: Service) -> None:
    patch = {"mode": "realtime", "realtime": {"voice": "cedar"}, "max_hold_seconds": 90}
    body = (await service.client.patch("/assistants/demo", json=patch)).json()
    assistant = TypeAdapter(Assistant).validate_python(body)
    assert (assistant.mode, assistant.max_hold_seconds) == (RuntimeMode.REALTIME, 90.0)
    told = (assistant.realtime.provider, assistant.realtime.model, assistant.realtime.voice)
    assert told == ("openai", "gpt-realtime", "cedar")


async def test_an_assistant_of_an_earlier_version_reads_as_the_defaults(service: Service) -> None:
    async with service.parts.database.session() as session:
        stored = await Assistants(session).get("default", "demo")
        assert stored is not None
        new = ("mode", "realtime", "max_hold_seconds")
        old = {name: value for name, value in stored.config.items() if name not in new}
        await Assistants(session).update("default", "demo", old, stored.sealed_headers or "")
        again = await Assistants(session).get("default", "demo")
    assert again is not None
    assert again.max_hold_seconds == 1800.0
    body = (await service.get("/assistants/demo")).json()
    assert (body["mode"], body["max_hold_seconds"]) == ("pipeline", 1800.0)


async def test_an_id_is_made_up_and_a_repeat_with_its_key_makes_no_second(
    service: Service,
) -> None:
    headers = {"Idempotency-Key": "new-desk"}
    first = await service.post("/assistants", {"name": "Desk"}, headers=headers)
    again = await service.post("/assistants", {"name": "Desk"}, headers=headers)
    other = await service.post("/assistants", {"name": "Bar"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    taken = await service.post("/assistants", {"id": "demo", "name": "Desk"})
    assert (taken.status_code, taken.json()["code"]) == (409, "assistant-exists")


async def test_a_repeat_may_write_its_members_in_another_order(service: Service) -> None:
    headers = {"Idempotency-Key": "new-desk"}
    tools = [
        {"http": [{**TOOL, "parameters": {"type": "object", "properties": dict(members)}}]}
        for members in ([("day", {}), ("party", {})], [("party", {}), ("day", {})])
    ]
    first = await service.post("/assistants", {"name": "D", "tools": tools[0]}, headers=headers)
    again = await service.post("/assistants", {"tools": tools[1], "name": "D"}, headers=headers)
    assert (first.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "Not A Slug"}, "id"),
        ({"name": ""}, "name"),
        ({"language": "en_US"}, "language"),
        ({"language": "e"}, "language"),
        ({"stt": {"provider": "acme"}}, "stt.provider"),
        ({"llm": {"temperature": 3}}, "llm.temperature"),
        ({"llm": {"model": "two words"}}, "llm.model"),
        ({"tts": {"pitch": 1}}, "tts.pitch"),
        ({"turn": {"min_endpointing_delay": 4}}, "turn"),
        ({"turn": {"detection": "telepathy"}}, "turn.detection"),
        ({"opening": {"mode": "sing"}}, "opening.mode"),
        ({"silence": {"reprompt_after": 0}}, "silence.reprompt_after"),
        ({"silence": {"reprompts": [""]}}, "silence.reprompts.0"),
        ({"max_duration_seconds": 0}, "max_duration_seconds"),
        ({"max_hold_seconds": 0}, "max_hold_seconds"),
        ({"max_hold_seconds": 100_000}, "max_hold_seconds"),
        ({"mode": "telepathy"}, "mode"),
        ({"realtime": {"provider": "acme"}}, "realtime.provider"),
        ({"realtime": {"model": "two words"}}, "realtime.model"),
        ({"realtime": {"voice": "../x"}}, "realtime.voice"),
        ({"realtime": {"api_key": "x"}}, "realtime.api_key"),
        ({"surprise": True}, "surprise"),
        ({"tools": {"http": [TOOL, TOOL]}}, "tools"),
        ({"tools": {"http": [TOOL | {"name": "end_call"}]}}, "tools"),
        ({"tools": {"http": [TOOL | {"name": "book table"}]}}, "tools.http.0.name"),
        ({"tools": {"http": [TOOL | {"url": "ftp://x.example"}]}}, "tools.http.0.url"),
        ({"tools": {"http": [TOOL | {"url": "https://"}]}}, "tools.http.0.url"),
        ({"tools": {"http": [TOOL | {"url": "http://a:b@x.example"}]}}, "tools.http.0.url"),
        ({"tools": {"http": [TOOL | {"url": "http://x:99999/"}]}}, "tools.http.0.url"),
        ({"tools": {"http": [TOOL | {"method": "TRACE"}]}}, "tools.http.0.method"),
        (
            {"tools": {"http": [TOOL | {"parameters": {"type": "array"}}]}},
            "tools.http.0.parameters",
        ),
        (
            {"tools": {"http": [TOOL | {"headers": {"X-Key": "a\r\nb: c"}}]}},
            "tools.http.0.headers.X-Key",
        ),
    ],
)
async def test_a_malformed_assistant_is_refused_with_the_place(
    service: Service, change: dict[str, Any], field: str
) -> None:
    answer = await service.post("/assistants", {"name": "Desk"} | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"body.{field}"]


async def test_a_patch_is_checked_as_a_whole(service: Service) -> None:
    patch = {"turn": {"max_endpointing_delay": 0.1, "min_endpointing_delay": 0.2}}
    answer = await service.client.patch("/assistants/demo", json=patch)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.turn"
