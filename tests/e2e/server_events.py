"""The API's stream of events, read as a browser's EventSource reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True, slots=True)
class ServerEvent:
    id: str
    data: dict[str, Any]


async def follow(
    http: httpx2.AsyncClient, call_id: str, last_event_id: str | None = None
) -> list[ServerEvent]:
    """Every event until the API ends the stream."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    events: list[ServerEvent] = []
    fields: dict[str, str] = {}
    async with http.stream(
        "GET", f"/calls/{call_id}/events", headers=headers, timeout=120
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif fields:
                if "data" in fields:
                    events.append(ServerEvent(fields.get("id", ""), json.loads(fields["data"])))
                fields = {}
    return events
