"""Figure 1: how long `POST /web_call/get_token` takes."""

from __future__ import annotations

import asyncio
import uuid

from tests.bench.bare_update import BareUpdates
from tests.bench.bench import Bench, Opened
from tests.bench.figures import Budget, Figure, Measured, steps_table
from tests.bench.start_steps import start_steps

_BUDGET = Budget(95, 100)
_AT_ONCE = 4


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "1. get_token accepted",
        "Wall time of POST /web_call/get_token at the client, from sending to the whole answer "
        "(row, workflow, LiveKit room and both dispatches exist by then); each call is withdrawn "
        "by a hangup, and the agents' idle processes are waited for before the next. Beside it: "
        "an update-with-start of an empty workflow in this process, on the same Temporal server.",
    )
    alone = figure.row("get_token, one at a time", budget=_BUDGET)
    crowd = figure.row(f"get_token, {_AT_ONCE} at once", budget=_BUDGET)
    bare = figure.row("bare update-with-start, one at a time")
    bare_crowd = figure.row(f"bare update-with-start, {_AT_ONCE} at once")
    calls: list[Opened] = []
    for number in range(bench.count(20, least=2)):
        bench.tell(f"get_token {number + 1}")
        calls += await _open(bench, 1, alone)
    for number in range(bench.count(6)):
        bench.tell(f"get_token {_AT_ONCE} at once, {number + 1}")
        await _open(bench, _AT_ONCE, crowd)
    bench.tell("bare update-with-start")
    async with BareUpdates(bench.temporal) as updates:
        await updates.run(f"warm-{uuid.uuid4()}")
        for _ in range(bench.count(40, least=4)):
            await _bare(updates, 1, bare)
        for _ in range(bench.count(10, least=2)):
            await _bare(updates, _AT_ONCE, bare_crowd)
    figure.tables.append(
        steps_table(
            "Where the time of one request goes (one at a time, from Temporal's history)",
            [await start_steps(bench, call) for call in calls],
        )
    )
    for ours, theirs in ((alone, bare), (crowd, bare_crowd)):
        if ours.values and theirs.values:
            ratio = ours.percentile(50) / theirs.percentile(50)
            figure.notes.append(f"{ours.name}: p50 is {ratio:.1f} times that of {theirs.name}.")
    return figure


async def _open(bench: Bench, at_once: int, row: Measured) -> list[Opened]:
    await bench.settle()
    answers = await asyncio.gather(
        *(bench.open_call() for _ in range(at_once)), return_exceptions=True
    )
    opened = [answer for answer in answers if isinstance(answer, Opened)]
    for answer in answers:
        if isinstance(answer, Opened):
            row.add((answer.answered_at - answer.asked_at) * 1000)
        else:
            row.fail(answer)
    # Not at once: a job that is told to go while it starts up is another story.
    await asyncio.sleep(1.0)
    for call in opened:
        await bench.hang_up(call.call_id)
    await asyncio.gather(*(bench.ended(call.call_id) for call in opened))
    return opened


async def _bare(updates: BareUpdates, at_once: int, row: Measured) -> None:
    for seconds in await asyncio.gather(
        *(updates.run(f"bare-{uuid.uuid4()}") for _ in range(at_once)), return_exceptions=True
    ):
        if isinstance(seconds, BaseException):
            row.fail(seconds)
        else:
            row.add(seconds * 1000)
