"""A Switchboard client to start from: start a call, follow it, read its record.

Needs only httpx2. A request that was answered 429 or 503, or not at all, is repeated with the same
`Idempotency-Key` after the time that `Retry-After` names, so that no call is started twice.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any, TypedDict, cast

import httpx2

ATTEMPTS = 6


class WebCall(TypedDict):
    call_id: str
    room_name: str
    token: str
    url: str
    participant_identity: str


class OutboundCall(TypedDict):
    call_id: str
    room_name: str
    status: str


class Event(TypedDict):
    seq: int
    at: str
    source: str
    actor: str
    kind: str
    text: str
    data: dict[str, Any]


class Cost(TypedDict):
    total: str
    currency: str
    partial: bool


class Call(TypedDict):
    call_id: str
    status: str
    started_at: str
    answered_at: str | None
    ended_at: str | None
    ended_reason: str | None
    ended_by: str | None
    talk_seconds: float | None
    cost: Cost | None


class Refused(Exception):
    """A problem of RFC 9457. `code` is stable; its text is for people."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.code: str = problem["code"]
        self.status: int = problem["status"]


class Switchboard:
    def __init__(self, url: str, api_key: str) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=30)

    def start_web_call(self, assistant_id: str, **options: Any) -> WebCall:
        """`options` as in openapi.json: language, record, metadata …"""
        body = {"assistant_id": assistant_id, **options}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return cast(WebCall, self._ask("POST", "/web_call/get_token", json=body, headers=key))

    def call_telephone(
        self, assistant_id: str, trunk_id: str, to_number: str, **options: Any
    ) -> OutboundCall:
        """`to_number` is E.164; `options` as in openapi.json: from_number, queue_seconds, dtmf …"""
        body = {
            "assistant_id": assistant_id,
            "trunk_id": trunk_id,
            "to_number": to_number,
            **options,
        }
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return cast(OutboundCall, self._ask("POST", "/call/outbound", json=body, headers=key))

    def call(self, call_id: str) -> Call:
        return cast(Call, self._ask("GET", f"/calls/{call_id}"))

    def hang_up(self, call_id: str, reason: str = "") -> None:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        self._ask("POST", f"/calls/{call_id}/hangup", json={"reason": reason}, headers=key)

    def events(self, call_id: str) -> Iterator[Event]:
        """The timeline as it grows, each event once, until the call's last one."""
        seen, failures = 0, 0
        while failures < ATTEMPTS:
            try:
                headers = {"Last-Event-ID": str(seen)}
                with self._http.stream(
                    "GET", f"/calls/{call_id}/events", headers=headers
                ) as answer:
                    if answer.status_code in (429, 503):
                        failures += 1
                        time.sleep(_wait(answer, failures))
                        continue
                    _raise_for_problem(answer)
                    for line in answer.iter_lines():
                        if line.startswith("data: "):
                            event = cast(Event, json.loads(line[6:]))
                            seen, failures = event["seq"], 0
                            yield event
                    return  # the server ends the stream after the last event
            except httpx2.TransportError:  # the connection broke: go on where it did
                failures += 1
                time.sleep(_wait(None, failures))
        raise TimeoutError(f"The events of {call_id} could not be followed any further.")

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            answer: httpx2.Response | None = None
            try:
                answer = self._http.request(method, path, **options)
                if answer.status_code not in (429, 503):
                    _raise_for_problem(answer)
                    return answer.json()
            except httpx2.TransportError:
                if attempt == ATTEMPTS:
                    raise
            if attempt < ATTEMPTS:
                time.sleep(_wait(answer, attempt))
        assert answer is not None
        _raise_for_problem(answer)


def _wait(answer: httpx2.Response | None, attempt: int) -> float:
    told = answer.headers.get("Retry-After") if answer is not None else None
    return float(told) if told else min(0.5 * 2.0**attempt, 10.0)


def _raise_for_problem(answer: httpx2.Response) -> None:
    if not answer.is_success:
        answer.read()
        raise Refused(answer.json())


def main() -> None:
    switchboard = Switchboard(os.environ["API_URL"], os.environ["API_KEY"])
    started = switchboard.start_web_call(sys.argv[1] if len(sys.argv) > 1 else "demo")
    print("join with", started["url"], started["token"][:12] + "…", flush=True)
    for event in switchboard.events(started["call_id"]):
        print(event["at"], event["actor"], event["text"], flush=True)
    call = switchboard.call(started["call_id"])
    cost = call["cost"]
    print(call["call_id"], call["status"], call["ended_reason"], cost["total"] if cost else "-")


if __name__ == "__main__":
    main()
