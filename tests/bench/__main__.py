"""`python -m tests.bench`: every figure of docs/benchmarks.md, on a stack of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandbox.stack import Part, Stack, StackError
from sandbox.stack.site import CHECKOUT
from tests.bench import (
    cost,
    first_audio,
    fuzzing,
    get_token,
    history_size,
    lives,
    media,
    media_bot_jobs,
    media_bot_memory,
    media_playback,
    media_seam,
    open_calls,
    outbound_accepted,
    phone_calls,
    recordings,
    reinvite,
    rooms,
    starts,
    turn_response,
    webhook_ack,
    worker_killed,
)
from tests.bench.bench import Bench, temporal_of
from tests.bench.figures import Figure
from tests.bench.load import Tell
from tests.bench.machine import Machine, Others
from tests.bench.report import Report, for_terminal, markdown

FIGURES: dict[str, Callable[[Bench], Awaitable[Figure]]] = {
    "get_token": get_token.measure,
    "outbound_accepted": outbound_accepted.measure,
    "webhook_ack": webhook_ack.measure,
    "first_audio": first_audio.measure,
    "turn_response": turn_response.measure,
    "phone_first_words": phone_calls.measure_first_words,
    "phone_hold": phone_calls.measure_hold,
    "worker_killed": worker_killed.measure,
    "history": history_size.measure,
    "recordings": recordings.measure,
    "cost": cost.measure,
}
# Each of these starts what it needs by itself, beside which nothing else of ours runs.
LOAD: dict[str, Callable[[float, Tell], Awaitable[Figure]]] = {
    "starts": starts.measure,
    "lives": lives.measure,
    "open_calls": open_calls.measure,
    "reinvite": reinvite.measure,
    "media_relay": media.measure_relay,
    "media_delay": media.measure_delay,
    "room_legs": rooms.measure_legs,
    "room_delay": rooms.measure_delay,
    "media_bot_playback": media_playback.measure,
    "media_bot_seam": media_seam.measure,
    "media_bot_jobs": media_bot_jobs.measure,
    "media_bot_rooms": media_bot_memory.measure_rooms,
    "media_bot_drift": media_bot_memory.measure_drift,
    "fuzzing": fuzzing.measure,
}
ALL = (*FIGURES, *LOAD)
_REPORT = CHECKOUT / "docs" / "benchmarks.md"
# The breakdowns are read from these logs.
_SETTINGS = {"api": {"LOG_FORMAT": "json"}, "atlas": {"LOG_FORMAT": "json"}}

console = Console(highlight=False)


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(ALL)}; repeatable.")
    ] = None,
    scale: Annotated[float, typer.Option(min=0.01, help="Times the usual sample sizes.")] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the report goes; docs/benchmarks.md when all is measured."),
    ] = None,
) -> None:
    """Measure; exit code 1 when a figure could not be measured at all."""
    if unknown := set(only or ()) - set(ALL):
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}", param_hint="--only")
    names = [name for name in ALL if not only or name in only]
    if out is None and len(names) == len(ALL):
        out = _REPORT
    try:
        sys.exit(asyncio.run(_bench(names, scale, out)))
    except StackError as error:
        console.print(str(error), style="red", markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


async def _bench(names: list[str], scale: float, out: Path | None) -> int:
    this = asyncio.current_task()
    assert this is not None
    # The stacks end with us also when we are told to go.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    begun = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        run = _Run(progress, names, scale, out)
        if any(name in FIGURES for name in names):
            await run.on_one_stack([name for name in names if name in FIGURES])
        for name in names:
            if name in LOAD:
                await run.measure(name, LOAD[name](scale, run.tell))
    load = run.report.machine.load
    console.print(f"Measured in {time.monotonic() - begun:.0f} s; load before {load:.1f}.")
    if out is not None:
        console.print(f"Written to {out}.")
    return 1 if run.broken else 0


class _Run:
    """The figures one after the other, each shown and written down as soon as it is there."""

    def __init__(
        self, progress: Progress, names: list[str], scale: float, out: Path | None
    ) -> None:
        self.report = Report(Machine.look(), scale)
        self.broken = 0
        self._out = out
        self._progress = progress
        shared = len(Part) + 1 if any(name in FIGURES for name in names) else 0
        self._task = progress.add_task("starting the stack", total=shared + len(names))

    def tell(self, news: str) -> None:
        self._progress.update(self._task, description=news)

    async def on_one_stack(self, names: list[str]) -> None:
        async with Stack(free_ports=True, settings=_SETTINGS, on_progress=self._started) as stack:
            told = stack.description
            headers = {"Authorization": f"Bearer {told.api_key}"}
            async with httpx2.AsyncClient(
                base_url=told.api_url, headers=headers, timeout=30
            ) as http:
                bench = Bench(stack, http, await temporal_of(stack), self.report.scale, self.tell)
                self.tell("warming up")
                await bench.warm_up()
                self.report.bench = bench
                self._progress.advance(self._task)
                others = Others(stack.pids)
                for name in names:
                    await self.measure(name, _with_others(others, FIGURES[name](bench)))

    async def measure(self, name: str, measuring: Awaitable[Figure]) -> None:
        try:
            figure = await measuring
        except Exception as error:  # the other figures are worth having
            self.broken += 1
            figure = Figure(name, f"Could not be measured: {type(error).__name__}.")
            figure.row(name).fail(error)
            console.print_exception()
        self.report.figures.append(figure)
        self._progress.advance(self._task)
        for table in for_terminal(figure):
            console.print(table)
        for note in figure.notes:
            console.print(f"- {note}", markup=False)
        if self._out is not None:  # after each one: an hour's work is not lost
            await asyncio.to_thread(self._out.write_text, markdown(self.report))

    def _started(self, part: str, news: str) -> None:
        if news.startswith("ready") and self._progress.tasks[0].completed < len(Part):
            self._progress.advance(self._task)


async def _with_others(others: Others, measuring: Awaitable[Figure]) -> Figure:
    figure = await measuring
    figure.notes.append(
        f"Other programs took {others.share():.0f} % of the machine's CPU time meanwhile."
    )
    return figure


if __name__ == "__main__":
    typer.run(main)
