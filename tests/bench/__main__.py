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
    get_token,
    history_size,
    turn_response,
    webhook_ack,
    worker_killed,
)
from tests.bench.bench import Bench, temporal_of
from tests.bench.figures import Figure
from tests.bench.machine import Machine, Others
from tests.bench.report import for_terminal, markdown

FIGURES: dict[str, Callable[[Bench], Awaitable[Figure]]] = {
    "get_token": get_token.measure,
    "webhook_ack": webhook_ack.measure,
    "first_audio": first_audio.measure,
    "turn_response": turn_response.measure,
    "worker_killed": worker_killed.measure,
    "history": history_size.measure,
    "cost": cost.measure,
}
_REPORT = CHECKOUT / "docs" / "benchmarks.md"
# The breakdowns are read from these logs.
_SETTINGS = {"api": {"LOG_FORMAT": "json"}, "atlas": {"LOG_FORMAT": "json"}}

console = Console(highlight=False)


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(FIGURES)}; repeatable.")
    ] = None,
    scale: Annotated[float, typer.Option(min=0.01, help="Times the usual sample sizes.")] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the report goes; docs/benchmarks.md when all is measured."),
    ] = None,
) -> None:
    """Measure; exit code 1 when a figure could not be measured at all."""
    if unknown := set(only or ()) - set(FIGURES):
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}", param_hint="--only")
    names = [name for name in FIGURES if not only or name in only]
    if out is None and len(names) == len(FIGURES):
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
    # The stack ends with us also when we are told to go.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    machine, begun = Machine.look(), time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting the stack", total=len(Part) + len(names) + 1)

        def started(part: str, news: str) -> None:
            if news.startswith("ready") and not progress.tasks[0].completed >= len(Part):
                progress.advance(task)

        async with Stack(free_ports=True, settings=_SETTINGS, on_progress=started) as stack:
            told = stack.description
            headers = {"Authorization": f"Bearer {told.api_key}"}
            async with httpx2.AsyncClient(
                base_url=told.api_url, headers=headers, timeout=30
            ) as http:

                def tell(news: str) -> None:
                    progress.update(task, description=news)

                bench = Bench(stack, http, await temporal_of(stack), scale, tell)
                tell("warming up")
                await bench.warm_up()
                progress.advance(task)
                figures, broken = [], 0
                others = Others(stack.pids)
                for name in names:
                    try:
                        figure = await FIGURES[name](bench)
                    except Exception as error:  # the other figures are worth having
                        broken += 1
                        figure = Figure(name, f"Could not be measured: {type(error).__name__}.")
                        figure.row(name).fail(error)
                        console.print_exception()
                    figure.notes.append(
                        f"Other programs took {others.share():.0f} % of the machine's CPU time "
                        "meanwhile."
                    )
                    figures.append(figure)
                    progress.advance(task)
                    for table in for_terminal(figure):
                        console.print(table)
                    if out is not None:  # after each one: an hour's work is not lost
                        report = markdown(figures, machine, bench)
                        await asyncio.to_thread(out.write_text, report)
    console.print(f"Measured in {time.monotonic() - begun:.0f} s; load before {machine.load:.1f}.")
    if out is not None:
        console.print(f"Written to {out}.")
    return 1 if broken else 0


if __name__ == "__main__":
    typer.run(main)
