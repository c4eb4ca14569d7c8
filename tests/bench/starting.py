"""Starting calls as fast as clients can, and ending them outside the measured time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import aiohttp
from temporalio.client import WorkflowUpdateFailedError

from contract.calls import HangupCommand
from tests.bench.bench import ASSISTANT, Opened
from tests.bench.figures import Measured
from tests.bench.load import Load

_ENDING_AT_ONCE = 8
_SETTLE_LIMIT = 60.0


async def start(
    http: aiohttp.ClientSession, row: Measured, *, due: float | None = None
) -> Opened | None:
    """None when it failed, which the row tells. Measured from `due`, or from now."""
    asked_at = time.monotonic()
    body = {"assistant_id": ASSISTANT, "record": False}
    try:
        async with http.post("/web_call/get_token", json=body) as answer:
            told = await answer.json()
            answered_at = time.monotonic()
            if answer.status != 200:
                row.fail(f"HTTP {answer.status} {told.get('code')}: {told.get('detail')}")
                return None
    except (aiohttp.ClientError, TimeoutError) as error:
        row.fail(error)
        return None
    row.add((answered_at - (asked_at if due is None else due)) * 1000)
    return Opened(
        call_id=told["call_id"],
        url=told["url"],
        token=told["token"],
        asked_at=asked_at,
        answered_at=answered_at,
    )


async def by_clients(
    http: aiohttp.ClientSession, clients: int, seconds: float, row: Measured
) -> list[Opened]:
    """Closed loop: each client sends its next request once the last one was answered."""
    opened: list[Opened] = []
    until = time.monotonic() + seconds

    async def one_client() -> None:
        while time.monotonic() < until:
            if (call := await start(http, row)) is not None:
                opened.append(call)

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return opened


async def at_rate(
    http: aiohttp.ClientSession, rate: float, seconds: float, row: Measured
) -> list[Opened]:
    """Open loop: requests are sent when they are due, whether or not earlier ones were answered."""
    begun = time.monotonic()
    sending = []
    for number in range(max(1, round(rate * seconds))):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        sending.append(asyncio.create_task(start(http, row, due=due)))
    return [call for call in await asyncio.gather(*sending) if call is not None]


async def hang_up_all(load: Load, calls: list[Opened]) -> None:
    """Returns when all are settled. Straight to Temporal: this is not measured."""
    at_once = asyncio.Semaphore(_ENDING_AT_ONCE)

    async def end(call: Opened) -> None:
        async with at_once, asyncio.timeout(_SETTLE_LIMIT):
            handle = load.bench.temporal.get_workflow_handle(call.call_id)
            with suppress(WorkflowUpdateFailedError):  # it has ended by itself: nobody came
                await handle.execute_update("hangup", HangupCommand("bench", "measured"))
            await handle.result()

    await asyncio.gather(*(end(call) for call in calls))
