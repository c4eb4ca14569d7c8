"""Figure 1b: how long `POST /call/outbound` takes."""

from __future__ import annotations

import asyncio
import time

import httpx2

from tests.bench.bench import ASSISTANT, FAILURES, Bench
from tests.bench.figures import Budget, Figure, Measured

_BUDGET = Budget(95, 80)
_AT_ONCE = 4
_TRUNK = {
    "id": "bench",
    "name": "Bench",
    # Nobody listens there: what a carrier says is another figure.
    "host": "127.0.0.1",
    "port": 9,
    "transport": "tcp",
    "from_number": "+912287654321",
    "max_concurrent_calls": 1000,
    "calls_per_second": 100,
}
_TAKEN = 409
_HANG_UP_AFTER = 1.0


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "1b. Outbound call accepted",
        "Wall time of POST /call/outbound at the client, from sending to the whole answer (the row "
        "is written and the workflow durably started by then; nobody is waited for). Each call is "
        "hung up a second later, and the agents' idle processes are waited for before the next.",
    )
    alone = figure.row("outbound, one at a time", budget=_BUDGET)
    crowd = figure.row(f"outbound, {_AT_ONCE} at once", budget=_BUDGET)
    await _make_trunk(bench)
    await _accept(bench, 1, Measured("the first, which opens connections"))
    for number in range(bench.count(40, least=2)):
        bench.tell(f"outbound {number + 1}")
        await _accept(bench, 1, alone)
    for number in range(bench.count(10)):
        bench.tell(f"outbound {_AT_ONCE} at once, {number + 1}")
        await _accept(bench, _AT_ONCE, crowd)
    return figure


async def _make_trunk(bench: Bench) -> None:
    answer = await bench.http.post("/trunks", json=_TRUNK)
    if answer.status_code != _TAKEN:
        answer.raise_for_status()


async def _accept(bench: Bench, at_once: int, row: Measured) -> None:
    await bench.settle()
    answers = await asyncio.gather(*(_post(bench) for _ in range(at_once)), return_exceptions=True)
    await asyncio.sleep(_HANG_UP_AFTER)
    for answer in answers:
        if isinstance(answer, BaseException):
            row.fail(answer)
            continue
        call_id, seconds = answer
        row.add(seconds * 1000)
        try:
            await _end(bench, call_id)
        except FAILURES as error:
            row.fail(error)


async def _post(bench: Bench) -> tuple[str, float]:
    """The call's id, and the seconds it took. Raises httpx2.HTTPError."""
    body = {
        "assistant_id": ASSISTANT,
        "trunk_id": _TRUNK["id"],
        "to_number": "+912212345678",
        "record": False,
    }
    begun = time.monotonic()
    answer = await bench.http.post("/call/outbound", json=body)
    seconds = time.monotonic() - begun
    answer.raise_for_status()
    return str(answer.json()["call_id"]), seconds


async def _end(bench: Bench, call_id: str) -> None:
    try:
        await bench.hang_up(call_id)
    except httpx2.HTTPStatusError as refused:
        if refused.response.status_code != 409:  # it has ended by itself
            raise
    await bench.ended(call_id)
