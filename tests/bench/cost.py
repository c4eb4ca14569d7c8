"""Figure 7: CPU and memory that a call costs, part by part."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from sandbox.caller import Caller
from tests.bench.bench import FAILURES, Bench
from tests.bench.conversations import QUESTIONS, ask, greeted
from tests.bench.figures import Figure, Measured, Table
from tests.bench.processes import Tree, trees

OURS = ("temporal", "worker", "api", "atlas", "media-bot", "livekit")
STAND_INS = ("providers", "recorder", "s3")
_CALL_SECONDS = 10.0
_IDLE_SECONDS = 10.0
_AT_ONCE = 4


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "7. CPU and memory",
        f"User and system time of each part's whole process tree over a recorded call of "
        f"{_CALL_SECONDS:.0f} s with one turn, from get_token until the bill is settled and the "
        "agents' idle processes are refilled, less what the part uses in the same time when idle; "
        "memory as PSS (what processes share is shared out) and RSS (counted once each).",
    )
    parts = (*OURS, *STAND_INS)
    rows = {part: figure.row(f"CPU a call: {part}", unit="CPU s") for part in parts}
    total = figure.row(f"CPU a call: all of {', '.join(OURS)}", unit="CPU s")
    await bench.settle()
    bench.tell("idle")
    before, begun = _look(bench), time.monotonic()
    await asyncio.sleep(max(3.0, _IDLE_SECONDS * min(1.0, bench.scale)))
    idle, idle_seconds = _look(bench, memory=True), time.monotonic() - begun
    rates = {p: (idle[p].cpu_seconds - before[p].cpu_seconds) / idle_seconds for p in parts}
    for number in range(bench.count(6)):
        bench.tell(f"call of {_CALL_SECONDS:.0f} s, {number + 1}")
        await _one_call(bench, rows, total, rates)
    bench.tell(f"{_AT_ONCE} calls at once")
    busy = await _several(bench, total)
    headings = (
        *("part", "CPU idle, % of a core", "PSS idle, MB", "RSS idle, MB"),
        *(f"PSS {_AT_ONCE} calls, MB", f"RSS {_AT_ONCE} calls, MB", "processes, idle / calls"),
    )
    figure.tables.append(
        Table(
            f"Idle, and with {_AT_ONCE} calls at once",
            headings,
            [_memory_row(part, rates[part], idle[part], busy.get(part)) for part in parts],
        )
    )
    return figure


async def _one_call(
    bench: Bench, rows: dict[str, Measured], total: Measured, rates: dict[str, float]
) -> None:
    before, begun = _look(bench), time.monotonic()
    try:
        async with bench.joined(await bench.open_call(record=True)) as caller:
            over = caller.joined_at + _CALL_SECONDS
            await greeted(caller)
            await ask(caller, QUESTIONS[0])
            await asyncio.sleep(max(0.0, over - time.monotonic()))
    except FAILURES as error:
        total.fail(error)
        await bench.settle()
        return
    await bench.settle()
    after, seconds = _look(bench), time.monotonic() - begun
    used = {
        part: after[part].cpu_seconds - before[part].cpu_seconds - rates[part] * seconds
        for part in rows
    }
    for part, row in rows.items():
        row.add(used[part])
    total.add(sum(used[part] for part in OURS))


async def _several(bench: Bench, total: Measured) -> dict[str, Tree]:
    """Memory in the middle of several calls."""
    async with AsyncExitStack() as calls:
        try:
            callers: list[Caller] = []
            for _ in range(_AT_ONCE):
                opened = await bench.open_call(record=True)
                callers.append(await calls.enter_async_context(bench.joined(opened)))
            await asyncio.gather(*(greeted(caller) for caller in callers))
            await asyncio.gather(*(ask(caller, QUESTIONS[0]) for caller in callers))
        except FAILURES as error:
            total.fail(f"{_AT_ONCE} at once: {type(error).__name__}: {error}")
        return _look(bench, memory=True)


def _look(bench: Bench, *, memory: bool = False) -> dict[str, Tree]:
    return trees(bench.stack.pids, (*OURS, *STAND_INS), memory=memory)


def _memory_row(part: str, rate: float, idle: Tree, busy: Tree | None) -> tuple[str, ...]:
    row = (part, f"{rate * 100:.1f}", f"{idle.pss:.0f}", f"{idle.rss:.0f}")
    if busy is None:
        return (*row, "–", "–", str(len(idle.pids)))
    processes = f"{len(idle.pids)} / {len(busy.pids)}"
    return (*row, f"{busy.pss:.0f}", f"{busy.rss:.0f}", processes)
