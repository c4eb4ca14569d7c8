"""What is refused leaves nothing behind: no room, no workflow, no row."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.faults.system import System

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


@dataclass(frozen=True, slots=True)
class Bad:
    name: str
    statuses: set[int]
    body: Any = field(default_factory=lambda: {"assistant_id": "demo"})
    authorization: str | None = "Bearer {key}"
    key: str | None = None


TABLE = [
    Bad("unknown_assistant", {404}, {"assistant_id": "nobody"}),
    Bad("missing_field", {422}, {}),
    Bad("wrong_type", {422}, {"assistant_id": 7}),
    Bad("wrong_type_of_an_option", {422}, {"assistant_id": "demo", "record": "perhaps"}),
    Bad("unknown_field", {422}, {"assistant_id": "demo", "asistant": "demo"}),
    Bad("a_list", {422}, ["demo"]),
    Bad("too_long_a_name", {422}, {"assistant_id": "demo", "participant_name": "x" * 129}),
    Bad("too_much_metadata", {422}, {"assistant_id": "demo", "metadata": {"x": "y" * 5000}}),
    Bad("too_long_a_key", {422}, key="k" * 256),
    Bad("malformed_json", {400, 422}, b'{"assistant_id": "demo"'),
    Bad("not_utf_8", {400, 422}, b'{"assistant_id": "\xff\xfe"}'),
    Bad("nothing", {400, 422}, b""),
    Bad("oversized", {413}, b'{"assistant_id": "' + b"x" * (3 << 20) + b'"}'),
    Bad("no_key", {401}, authorization=None),
    Bad("bad_key", {401}, authorization="Bearer sk_nobody"),
    Bad("wrong_scheme", {401}, authorization="Basic {key}"),
]


@pytest.mark.parametrize("bad", TABLE, ids=[bad.name for bad in TABLE])
async def test_a_bad_request_is_refused_whole(system: System, bad: Bad) -> None:
    before = await system.everything()
    content = bad.body if isinstance(bad.body, bytes) else json.dumps(bad.body).encode()
    headers = {"Content-Type": "application/json"}
    if bad.key:
        headers["Idempotency-Key"] = bad.key
    # An empty header takes the place of the client's own key.
    key = system.stack.description.api_key
    headers["Authorization"] = (bad.authorization or "").format(key=key)
    answer = await system.http.post("/web_call/get_token", content=content, headers=headers)
    assert answer.status_code in bad.statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["code"]
    assert problem["detail"]
    await asyncio.sleep(0.3)  # visibility and rooms: what came late would be seen
    assert await system.everything() == before
