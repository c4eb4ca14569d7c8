"""Figure 8: how many calls one machine can start, without media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

from tests.bench.bench import Opened
from tests.bench.figures import Budget, Figure, Measured, Table, steps_table
from tests.bench.load import CLIENT, LIVEKIT, PAYERS, PLATFORM, Load, Tell, load_stack, spent
from tests.bench.start_steps import start_steps
from tests.bench.starting import at_rate, by_clients, hang_up_all

_CLIENTS = (1, 4, 16)
_BURSTS = 3
_BURST_SECONDS = 3.0  # less than agents that never come have before others are sent
_SHARES_OF_THE_MOST = (0.5, 0.8)
_STEPS_OF = 20  # calls a burst size whose histories are read
_DRAIN_SECONDS = 0.5
_PAUSE_SECONDS = 1.0
_WARM_UP_SECONDS = 2.0
# 10 starts per second and core (Temporal, worker and API).
_CPU_BUDGET = Budget(100, 100)


@dataclass(slots=True)
class Burst:
    """Starts in one go, and what everybody spent on them."""

    starts: int
    seconds: float
    cpu_ms: dict[str, float]  # a start
    opened: list[Opened] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.starts / self.seconds

    @property
    def platform_ms(self) -> float:
        return sum(self.cpu_ms[part] for part in PLATFORM)


async def measure(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "8. Starts",
        "POST /web_call/get_token as fast as clients can, on a stack of its own without agents: "
        "real API, Temporal, worker and LiveKit (row, workflow, room and both dispatches of each "
        f"start are real, nobody comes). Bursts of {_BURST_SECONDS:.0f} s; closed loop: each "
        "client sends its next request once the last one was answered; open loop: at a fixed rate, "
        "timed from when a request was due. Each call is hung up and settled between the bursts. "
        "CPU is user and system time from the first request until "
        f"{_DRAIN_SECONDS} s after the last answer; the clients work on the same cores.",
    )
    async with load_stack(scale, tell, hall=False) as load:
        tell("starts: warming up")
        await _burst(load, by_clients(load.http, 2, _WARM_UP_SECONDS, Measured("warm-up")))
        bursts = {clients: await _closed(load, figure, clients) for clients in _CLIENTS}
        most = max(burst.rate for level in bursts.values() for burst in level)
        for share in _SHARES_OF_THE_MOST:
            await _open(load, figure, share, most)
        figure.notes.append(_most(bursts))
        figure.tables.append(_cpu_table(bursts))
        for clients, level in bursts.items():
            calls = [call for burst in level for call in burst.opened][:_STEPS_OF]
            steps = [await start_steps(load.bench, call) for call in calls]
            title = f"Where the time of a start goes, {_people(clients)} (Temporal's history)"
            figure.tables.append(steps_table(title, steps))
        return load.close(figure)


async def _closed(load: Load, figure: Figure, clients: int) -> list[Burst]:
    latency = figure.row(f"start, {_people(clients)}")
    rate = figure.row(f"starts a second, {_people(clients)}", unit="1/s")
    cpu = figure.row(
        f"CPU of {', '.join(PLATFORM)} a start, {_people(clients)}",
        unit="CPU ms",
        budget=_CPU_BUDGET,
    )
    bursts = []
    for number in range(load.bench.count(_BURSTS)):
        load.bench.tell(f"starts: {_people(clients)}, burst {number + 1}")
        burst = await _burst(load, by_clients(load.http, clients, _BURST_SECONDS, latency))
        rate.add(burst.rate)
        cpu.add(burst.platform_ms)
        bursts.append(burst)
    return bursts


async def _open(load: Load, figure: Figure, share: float, most: float) -> None:
    rate = share * most
    row = figure.row(f"start, {rate:.0f} a second ({share:.0%} of the most)")
    for _ in range(load.bench.count(_BURSTS)):
        load.bench.tell(f"starts: {rate:.0f} a second")
        await _burst(load, at_rate(load.http, rate, _BURST_SECONDS, row))


async def _burst(load: Load, starting: Awaitable[list[Opened]]) -> Burst:
    before, begun = load.look(), time.monotonic()
    opened = await starting
    seconds = time.monotonic() - begun
    await asyncio.sleep(_DRAIN_SECONDS)  # the row's first writes come after the answer
    cpu = spent(before, load.look())
    starts = max(1, len(opened))
    burst = Burst(
        starts=len(opened),
        seconds=seconds,
        cpu_ms={payer: cpu[payer] * 1000 / starts for payer in PAYERS},
        opened=opened,
    )
    await hang_up_all(load, opened)
    await asyncio.sleep(_PAUSE_SECONDS)
    return burst


def _most(bursts: dict[int, list[Burst]]) -> str:
    clients, burst = max(
        ((clients, burst) for clients, level in bursts.items() for burst in level),
        key=lambda found: found[1].rate,
    )
    return (
        f"The most: {burst.rate:.1f} starts a second ({_people(clients)}). There "
        f"{', '.join(PLATFORM)} spent {burst.platform_ms:.0f} CPU ms a start, that is "
        f"{per_core(burst.platform_ms):.1f} starts per second and core; with {LIVEKIT} "
        f"{per_core(burst.platform_ms + burst.cpu_ms[LIVEKIT]):.1f}."
    )


def per_core(cpu_ms: float) -> float:
    """Starts that one core of nothing else could do in a second."""
    return 1000 / cpu_ms


def _cpu_table(bursts: dict[int, list[Burst]]) -> Table:
    def mean(level: list[Burst], payer: str) -> float:
        starts = sum(burst.starts for burst in level)
        return sum(burst.cpu_ms[payer] * burst.starts for burst in level) / max(1, starts)

    rows = []
    for payer in PAYERS:
        cells = [payer]
        for level in bursts.values():
            total = sum(mean(level, each) for each in PAYERS)
            cells.append(f"{mean(level, payer):.1f} ({mean(level, payer) / total:.0%})")
        rows.append(cells)
    headings = ("who", *(f"CPU ms a start, {_people(clients)}" for clients in bursts))
    return Table(f"Who spends the CPU time ({CLIENT} is no part of the platform)", headings, rows)


def _people(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"
