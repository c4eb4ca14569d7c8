"""One call whose worker dies after everything that it does outside for recording and wrap-up."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.steps import Step
from sandbox.stack.site import CHECKOUT
from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.system import PlacedCall, System
from tests.e2e.faults.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]

STEPS = (
    Step.START_EGRESS,
    Step.STOP_EGRESS,
    Step.VERIFY_RECORDING,
    Step.WRITE_RECORDING,
    Step.CLOSE_ROOM,
    Step.SETTLE_BILL,
    Step.WRITE_RECORD,
)
# What a worker had in hand is given out anew 10 to 15 s after its death, and the steps follow one
# another.
SETTLED_WITHIN = 180.0


@pytest.mark.timeout(300)
async def test_one_recording_one_bill_and_one_report_all_the_same(
    system: System, tmp_path: Path
) -> None:
    async with crashing_worker(system, tmp_path):
        call = await system.place_call()
        await call.join()
        await call.greeted()
        await has_begun_to_record(call, tmp_path)
        await call.ask()
        await call.caller.heard.wait_for_quiet()
        await call.leave()
        truth = Truth.caller_hung_up(call.id, talked=call.talked)
        await assert_hold(system, truth, patience=SETTLED_WITHIN)
    assert deaths(tmp_path) == {step.value for step in STEPS}
    assert await recordings_of(call) == 1
    kinds = [item["kind"] for item in await system.timeline(call.id)]
    for once in ("ended", "bill_settled", "recording_ready"):
        assert kinds.count(once) == 1, kinds


def deaths(marks: Path) -> set[str]:
    return {mark.name for mark in marks.iterdir()}


async def has_begun_to_record(call: PlacedCall, marks: Path) -> None:
    """By a worker that knows of it: the one that started Egress has not lived to hear of it."""

    async def look() -> bool:
        kinds = [item["kind"] for item in await call.system.timeline(call.id)]
        return Step.START_EGRESS in deaths(marks) and "recording_recording" in kinds

    await eventually(look, 60, f"{call.id} is not recorded")


async def recordings_of(call: PlacedCall) -> int:
    """How many were ever begun at the recorder."""
    uploads = [one for one in await call.system.log_of("recorder") if one["operation"] == "upload"]
    return len({one["key"] for one in uploads if call.id in one["key"] and ".ogg" in one["key"]})


@asynccontextmanager
async def crashing_worker(system: System, marks: Path) -> AsyncIterator[None]:
    """In the place of the stack's worker, and started again whenever it dies."""
    settings = system.settings_of("worker")
    await system.stack.kill("worker")
    keeping = asyncio.create_task(_keep_up(system, marks, settings))
    try:
        yield
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        await system.stack.start_process("worker")


async def _keep_up(system: System, marks: Path, settings: dict[str, str]) -> None:
    command = (sys.executable, "-m", "tests.e2e.faults.crashing_worker", str(marks), *STEPS)
    while True:
        process: Process | None = None
        with (system.stack.run_dir / "logs" / "crashing-worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=CHECKOUT, env=settings, stdout=log, stderr=log
            )
        try:
            await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
