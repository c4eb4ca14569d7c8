"""Figure 5: the worker is killed; how soon is the next command handled?"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from contract.calls import HangupCommand
from sandbox.stack.processes import MARK
from sandbox.stack.site import CHECKOUT
from tests.bench.bench import Bench
from tests.bench.figures import Budget, Figure, Measured

_BUDGET = Budget(100, 3000)
_ANSWER_LIMIT = 30.0
_START_LIMIT = 60.0
_KILLS = 8


class WorkerDidNotStart(RuntimeError):
    pass


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "5. Worker killed to next command handled",
        "SIGKILL to the worker that has the call in its memory, a hangup update sent right after; "
        "time from the kill to the update's answer. Once with the worker started again at once, "
        "once with a second worker that was there before and had nothing of the call.",
    )
    again = figure.row("the only worker, started again at once", budget=_BUDGET)
    ready = figure.row("of which: until the new worker said that it had started")
    survived = figure.row("a second worker survives", budget=_BUDGET)
    for number in range(bench.count(_KILLS, least=2)):
        bench.tell(f"kill {number + 1}: started again")
        await _attempt(again, _started_again(bench, again, ready))
    for number in range(bench.count(_KILLS, least=2)):
        bench.tell(f"kill {number + 1}: a second worker")
        await _attempt(survived, _with_survivor(bench, survived))
    return figure


async def _attempt(row: Measured, attempt: Awaitable[None]) -> None:
    try:
        await attempt
    except Exception as error:  # whatever it is, it is shown
        row.fail(error)


async def _call_to_end(bench: Bench) -> str:
    opened = await bench.open_call()
    await asyncio.sleep(1.0)
    await bench.settle()
    return opened.call_id


async def _started_again(bench: Bench, row: Measured, ready: Measured) -> None:
    call_id = await _call_to_end(bench)
    killed_at = time.monotonic()
    await bench.stack.kill("worker")
    answer = asyncio.create_task(_hang_up(bench, call_id))
    log = bench.stack.run_dir / "logs" / "worker.log"
    starts = _starts(log)
    starting = asyncio.create_task(bench.stack.start_process("worker"))
    try:
        while True:
            await asyncio.sleep(0.02)
            if _starts(log) > starts or starting.done():
                break
        ready.add((time.monotonic() - killed_at) * 1000)
        row.add((await answer - killed_at) * 1000)
    finally:
        await starting
    await bench.ended(call_id)


async def _with_survivor(bench: Bench, row: Measured) -> None:
    call_id = await _call_to_end(bench)
    async with _second_worker(bench):
        killed_at = time.monotonic()
        await bench.stack.kill("worker")
        try:
            row.add((await _hang_up(bench, call_id) - killed_at) * 1000)
            await bench.ended(call_id)
        finally:
            await bench.stack.start_process("worker")
    await bench.settle()


async def _hang_up(bench: Bench, call_id: str) -> float:
    """When the update was answered. Straight to Temporal, as the API gives up after 4 s."""
    async with asyncio.timeout(_ANSWER_LIMIT):
        handle = bench.temporal.get_workflow_handle(call_id)
        await handle.execute_update("hangup", HangupCommand("bench", "worker killed"))
    return time.monotonic()


@asynccontextmanager
async def _second_worker(bench: Bench) -> AsyncIterator[None]:
    """With the first one's settings. It carries no mark of the stack, which would end it too."""
    (pid, *_) = bench.stack.pids("worker")
    settings = psutil.Process(pid).environ()
    settings.pop(MARK)
    settings.pop("WORKER_HTTP_PORT", None)  # the first one has it
    log = bench.stack.run_dir / "logs" / "second-worker.log"
    log.unlink(missing_ok=True)
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "worker_main.py"),
            cwd=CHECKOUT,
            env=settings,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + _START_LIMIT
        while _starts(log) == 0:
            if process.returncode is not None or time.monotonic() > deadline:
                raise WorkerDidNotStart(log.read_text(errors="replace")[-300:])
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # the first polls
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


def _starts(log: Path) -> int:
    return log.read_bytes().count(b"worker_started") if log.exists() else 0
