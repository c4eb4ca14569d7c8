"""Figure 9: whole lives of calls without media, one after the other and several at once."""

from __future__ import annotations

import asyncio
import itertools
import time

from tests.bench.acted_call import ActedCall, NotStarted
from tests.bench.bench import FAILURES
from tests.bench.figures import Figure, Measured
from tests.bench.load import LIVEKIT, PAYERS, PLATFORM, Load, Tell, load_stack, spent

_CLIENTS = 8
_LIVES = 80
_WARM_UP = 8

IN_A_HALL = (
    "LiveKit is stood in for here (`sandbox/hall`): a server that speaks its Twirp API and sends "
    "its webhooks, without media; agents and caller are acted by the bench with their real "
    "messages through real Temporal. API, worker, Temporal and the store are real."
)


async def measure(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "9. Whole lives",
        f"Start, both agents ready, caller joins, Atlas opens, caller leaves, bill settled; "
        f"{_CLIENTS} clients, each with one call after the other, nobody talks. {IN_A_HALL}",
    )
    async with load_stack(scale, tell, hall=True) as load:
        tell("lives: warming up")
        await _live(load, _WARM_UP, Measured("start"), Measured("life"))
        start = figure.row(f"start, amid {_CLIENTS} lives")
        life = figure.row("a whole life", unit="s")
        rate = figure.row("lives a second", unit="1/s")
        cpu = {
            payer: figure.row(f"CPU a life: {payer}", unit="CPU ms")
            for payer in (*PLATFORM, LIVEKIT)
        }
        tell("lives")
        before, begun = load.look(), time.monotonic()
        await _live(load, load.bench.count(_LIVES, least=_CLIENTS), start, life)
        seconds, used = time.monotonic() - begun, spent(before, load.look())
        if lived := len(life.values):
            rate.add(lived / seconds)
            for payer, row in cpu.items():
                row.add(used[payer] * 1000 / lived)
            platform = sum(used[payer] for payer in PLATFORM)
            share = platform / sum(used[payer] for payer in PAYERS)
            figure.notes.append(
                f"{lived / platform:.1f} lives per second and core of {', '.join(PLATFORM)}, "
                f"which took {share:.0%} of the CPU time; the rest are the hall and the bench."
            )
        return load.close(figure)


async def _live(load: Load, lives: int, start: Measured, life: Measured) -> None:
    numbers = itertools.count()

    async def one_client() -> None:
        while next(numbers) < lives:
            begun = time.monotonic()
            try:
                call = await ActedCall.begin(load, start)
                await call.caller_leaves()
            except NotStarted:
                continue  # told by the start's row
            except FAILURES as error:
                life.fail(error)
            else:
                life.add(time.monotonic() - begun)

    await asyncio.gather(*(one_client() for _ in range(_CLIENTS)))
