"""Figure 10: what calls cost that are open and quiet, from ten to a thousand of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from tests.bench.acted_call import ActedCall, NotStarted
from tests.bench.bench import FAILURES
from tests.bench.databases import STORE, TEMPORAL, size
from tests.bench.figures import Budget, Figure, Measured, Table
from tests.bench.lives import IN_A_HALL
from tests.bench.load import LIVEKIT, PLATFORM, Load, Tell, load_stack, spent
from tests.bench.processes import Tree
from tests.bench.worker_cache import WorkerCache

_LEVELS = (10, 100, 300, 1000)
_OPENING_AT_ONCE = 8
_TRIES = 2  # of each call
_PROBES = 20
_QUIET_SECONDS = 10.0
_REST_SECONDS = 5.0  # until nothing of the last start goes on, and the room watch is content
_COUNTED = 'CallStatus="in_progress" AND ExecutionStatus="Running"'
_VISIBLE_WITHIN = 15.0
_START_BUDGET = Budget(95, 100)
_KILOBYTES = 1000.0


@dataclass(frozen=True, slots=True)
class Level:
    """What was seen with so many calls open."""

    calls: int
    ever: int  # calls that the databases know, those that have ended too
    trees: dict[str, Tree]
    idle: dict[str, float]  # CPU seconds a second
    asked: dict[str, float]  # LiveKit's methods, requests a second
    starts: Measured
    hangups: Measured
    cache: WorkerCache
    store_bytes: int
    temporal_bytes: int


async def measure(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "10. Open calls",
        "Calls in progress in which nobody speaks: memory of the processes, their CPU time while "
        "nothing happens, and how long a start (POST) and an operator's hangup (update of the call "
        f"that is open for longest) take among them, one at a time. {IN_A_HALL}",
    )
    counts = sorted({max(10, round(level * scale)) for level in _LEVELS})
    async with load_stack(scale, tell, hall=True) as load:
        open_now: deque[ActedCall] = deque()
        opening = figure.row(f"start, {_OPENING_AT_ONCE} clients, while the calls are opened")
        levels = []
        for count in counts:
            tell(f"open calls: up to {count}")
            await _open(load, open_now, count, opening)
            levels.append(await _look(load, figure, open_now))
        _growth(figure, levels)
        figure.tables += [_processes_table(levels), _requests_table(levels), _cache_table(levels)]
        tell("open calls: ending")
        await asyncio.gather(*(call.aclose() for call in open_now))
        return load.close(figure)


async def _open(load: Load, calls: deque[ActedCall], count: int, row: Measured) -> None:
    """Up to `count`; what failed is tried again, but not for ever."""
    tries = _TRIES * (count - len(calls))
    opening = 0

    async def one_client() -> None:
        nonlocal tries, opening
        while len(calls) + opening < count and tries > 0:
            tries -= 1
            opening += 1
            try:
                calls.append(await ActedCall.begin(load, row))
            except NotStarted:
                continue  # told by the row
            except FAILURES as error:
                row.fail(error)
            finally:
                opening -= 1

    await asyncio.gather(*(one_client() for _ in range(_OPENING_AT_ONCE)))


async def _look(load: Load, figure: Figure, calls: deque[ActedCall]) -> Level:
    count = len(calls)
    starts = figure.row(f"start, {count} open", budget=_START_BUDGET)
    hangups = figure.row(f"hangup answered, {count} open")
    load.bench.tell(f"open calls: {count}, quiet")
    await asyncio.sleep(_REST_SECONDS)
    assert load.hall is not None
    asked_before, before, begun = await load.hall.asked(), load.look(), time.monotonic()
    await asyncio.sleep(_QUIET_SECONDS)
    trees, seconds = load.look(memory=True), time.monotonic() - begun
    idle = {name: cpu / seconds for name, cpu in spent(before, trees).items()}
    asked = {
        method: (number - asked_before.get(method, 0)) / seconds
        for method, number in (await load.hall.asked()).items()
    }
    still_open = await _visible(load, count)
    if still_open != count:
        hangups.fail(f"{still_open} of {count} calls were in progress")
    load.bench.tell(f"open calls: {count}, probes")
    for _ in range(load.bench.count(_PROBES, least=5)):
        await _probe(load, calls, starts, hangups)
    folder = load.bench.stack.run_dir
    return Level(
        calls=count,
        ever=await _ever(load),
        trees=trees,
        idle=idle,
        asked=asked,
        starts=starts,
        hangups=hangups,
        cache=await _cache(load),
        store_bytes=size(folder / STORE),
        temporal_bytes=size(folder / TEMPORAL),
    )


async def _ever(load: Load) -> int:
    return (await load.bench.temporal.count_workflows('WorkflowType="CallWorkflow"')).count


async def _cache(load: Load) -> WorkerCache:
    url = load.bench.stack.description.metrics_urls["worker"]
    return WorkerCache.read((await load.bench.http.get(url)).text)


async def _visible(load: Load, expected: int) -> int:
    """Temporal's own count, which follows a moment later."""
    deadline = time.monotonic() + _VISIBLE_WITHIN
    while True:
        counted = (await load.bench.temporal.count_workflows(_COUNTED)).count
        if counted == expected or time.monotonic() > deadline:
            return counted
        await asyncio.sleep(0.5)


async def _probe(load: Load, calls: deque[ActedCall], starts: Measured, hangups: Measured) -> None:
    """One more, and the oldest one less."""
    try:
        calls.append(await ActedCall.begin(load, starts))
        oldest = calls.popleft()
        begun = time.monotonic()
        await oldest.hang_up()
        hangups.add((time.monotonic() - begun) * 1000)
        await oldest.wrapped_up()
    except NotStarted:
        return
    except FAILURES as error:
        hangups.fail(error)


def growth(sizes: Sequence[int], values: Sequence[float]) -> float:
    """How much one call more adds: the slope of the straight line through what was seen."""
    return statistics.linear_regression(sizes, values).slope


def _growth(figure: Figure, levels: Sequence[Level]) -> None:
    if len(levels) < 2:
        return
    sizes = [level.calls for level in levels]
    for part in PLATFORM:
        memory = [level.trees[part].pss * _KILOBYTES for level in levels]
        figure.row(f"memory a call more: {part} (PSS)", unit="kB").add(growth(sizes, memory))
    for part in (*PLATFORM, LIVEKIT):
        idle = [level.idle[part] * 1000 for level in levels]
        who = "the hall" if part == LIVEKIT else part
        figure.row(f"CPU a call more, quiet: {who}", unit="CPU ms/s").add(growth(sizes, idle))
    for name, seen in (
        ("the store's database", [level.store_bytes / _KILOBYTES for level in levels]),
        ("Temporal's database", [level.temporal_bytes / _KILOBYTES for level in levels]),
    ):
        ever = [level.ever for level in levels]
        figure.row(f"{name}, a call", unit="kB").add(growth(ever, seen))
    asked = [sum(level.asked.values()) for level in levels]
    figure.row("requests to LiveKit a call more, quiet", unit="1/s").add(growth(sizes, asked))


def _processes_table(levels: Sequence[Level]) -> Table:
    headings = (
        "open calls",
        *(f"{part}: PSS / RSS, MB" for part in PLATFORM),
        *(f"{part}: CPU quiet, % of a core" for part in (*PLATFORM, "hall")),
        *("store, MB", "Temporal's database, MB"),
    )
    rows = [
        (
            str(level.calls),
            *(f"{level.trees[part].pss:.0f} / {level.trees[part].rss:.0f}" for part in PLATFORM),
            *(f"{level.idle[part] * 100:.1f}" for part in (*PLATFORM, LIVEKIT)),
            *(f"{size / 1e6:.1f}" for size in (level.store_bytes, level.temporal_bytes)),
        )
        for level in levels
    ]
    return Table("With so many open", headings, rows)


def _requests_table(levels: Sequence[Level]) -> Table:
    methods = sorted({method for level in levels for method in level.asked})
    rows = [
        (method, *(f"{level.asked.get(method, 0.0):.1f}" for level in levels))
        for method in methods
        if any(level.asked.get(method) for level in levels)
    ]
    headings = ("method", *(f"{level.calls} open" for level in levels))
    return Table(
        "Requests a second to LiveKit while nothing happens (the room watch)", headings, rows
    )


def _cache_table(levels: Sequence[Level]) -> Table:
    headings = (
        "open calls",
        "workflows in the worker's memory",
        "evicted so far",
        "replayed so far",
    )
    rows = [
        tuple(map(str, (level.calls, *astuple(level.cache))))  # its fields in this order
        for level in levels
    ]
    return Table("The worker's memory of workflows (MAX_CACHED_WORKFLOWS)", headings, rows)
