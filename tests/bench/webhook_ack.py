"""Figure 2: how long LiveKit waits for the answer to a webhook."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import time
from collections.abc import Iterator

import aiohttp
import jwt
from google.protobuf.json_format import MessageToJson
from livekit.protocol.models import ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from tests.bench.bench import Bench
from tests.bench.figures import Budget, Figure, Measured

_SECONDS = 5.0
_BUDGET = Budget(99, 50)
_LIVE_CALLS = 4
_STRANGERS_A_LIVE_ROOM = 9  # in the mixed row: a LiveKit shared with other applications
_OPENED = 8  # connections, before the clock runs
_REQUEST_LIMIT = 10.0

_Signed = tuple[bytes, dict[str, str]]


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "2. Webhook acknowledged",
        "Signed participant_joined events, every one new, sent at a fixed rate whether or not "
        f"earlier ones were answered; time from when an event was due to the end of its answer; "
        f"live rooms are {_LIVE_CALLS} running calls (each event becomes a Temporal signal), "
        "unknown rooms are another application's. An answer that is no 2xx counts as failed.",
    )
    await _one_rate(bench, 200, "unknown rooms", ["elsewhere"], figure, _BUDGET)
    await _live(bench, 50, "live rooms", 0, figure, _BUDGET)
    await _live(bench, 200, "nine of ten rooms unknown", _STRANGERS_A_LIVE_ROOM, figure, _BUDGET)
    # Fifty signals a second into each of four calls: what a flood costs, not what a call sends.
    await _live(bench, 200, "live rooms", 0, figure, None)
    return figure


async def _live(
    bench: Bench, rate: int, where: str, strangers: int, figure: Figure, budget: Budget | None
) -> None:
    await bench.settle()
    calls = []
    for _ in range(_LIVE_CALLS):
        calls.append((await bench.open_call()).call_id)
    await asyncio.sleep(3.0)  # their agents come first
    rooms = [room for call_id in calls for room in (call_id, *(["elsewhere"] * strangers))]
    try:
        await _one_rate(bench, rate, where, rooms, figure, budget)
    finally:
        for call_id in calls:
            await bench.hang_up(call_id)
        await asyncio.gather(*(bench.ended(call_id) for call_id in calls))


async def _one_rate(
    bench: Bench,
    rate: int,
    where: str,
    rooms: list[str],
    figure: Figure,
    budget: Budget | None,
) -> None:
    row = figure.row(f"{where}, {rate} a second", budget=budget)
    bench.tell(f"webhooks: {row.name}")
    number = bench.count(round(rate * _SECONDS), least=rate)
    events = _events(bench, rooms)
    url = f"{bench.stack.description.api_url}/livekit/webhook"
    # A session for each rate: connections that lay idle are just being closed by the server.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=_REQUEST_LIMIT),
    ) as http:
        opening = [_send(http, url, next(events), 0.0, Measured("opening")) for _ in range(_OPENED)]
        await asyncio.gather(*opening)
        signed = list(itertools.islice(events, number))
        begun = time.monotonic() + 0.05
        sending = []
        for index, event in enumerate(signed):
            due = begun + index / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sending.append(asyncio.create_task(_send(http, url, event, due, row)))
        await asyncio.gather(*sending)
    took = time.monotonic() - begun
    figure.notes.append(
        f"{row.name}: {number} events in {took:.1f} s, {len(row.failures)} not answered with 2xx."
    )


async def _send(
    http: aiohttp.ClientSession, url: str, event: _Signed, due: float, row: Measured
) -> None:
    body, headers = event
    try:
        async with http.post(url, data=body, headers=headers) as answer:
            await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        row.fail(error)
        return
    if 200 <= status < 300:
        row.add((time.monotonic() - due) * 1000)
    else:
        row.fail(f"HTTP {status}")


def _events(bench: Bench, rooms: list[str]) -> Iterator[_Signed]:
    """Joins of people other than the caller, so that the calls stay as they are."""
    told = bench.stack.description
    run = time.time_ns()
    for number, room in enumerate(itertools.cycle(rooms)):
        now = int(time.time())
        event = WebhookEvent(
            event="participant_joined",
            id=f"EV_bench_{run}_{number}",
            created_at=now,
            room=Room(name=room, sid="RM_bench"),
            participant=ParticipantInfo(
                identity=f"guest-{number}",
                sid=f"PA_bench_{number}",
                kind=ParticipantInfo.Kind.STANDARD,
                joined_at=now,
            ),
        )
        body = MessageToJson(event).encode()
        claims = {
            "iss": told.livekit_api_key,
            "nbf": now,
            "exp": now + 300,
            "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
        }
        token = jwt.encode(claims, told.livekit_api_secret, algorithm="HS256")
        yield body, {"Authorization": token, "Content-Type": "application/webhook+json"}
