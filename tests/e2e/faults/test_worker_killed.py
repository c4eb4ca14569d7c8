"""The Temporal worker killed (SIGKILL) at every point of a call that its caller can notice."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.caller.hearing import NotHeard
from sandbox.stack.site import CHECKOUT
from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.system import PlacedCall, System
from tests.e2e.faults.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

POINTS = [
    "after_the_post",
    "before_joining",
    "after_joining",
    "in_the_greeting",
    "in_the_question",
    "in_the_answer",
    "after_the_answer",
    "before_leaving",
    "after_leaving",
    "while_the_recording_is_uploaded",
    "in_the_greeting and after_leaving",
]
NEXT_COMMAND_WITHIN = 3.0
RECORDED_WITHIN = 45.0  # the start of Egress that died with its worker is tried again after 30 s


class Killer:
    """Kills the worker when the call comes to one of its points, and starts it again at once."""

    def __init__(self, system: System, points: str) -> None:
        self._system = system
        self._points = set(points.split(" and "))
        self._restart: asyncio.Task[None] | None = None
        self.killed_at = self.back_at = 0.0

    async def at(self, point: str, *, away_until: asyncio.Task[float] | None = None) -> None:
        if point not in self._points:
            return
        self._points.remove(point)
        await self.worker_is_back()
        await self._system.stack.kill("worker")
        self.killed_at = time.monotonic()
        self._restart = asyncio.create_task(self._start_again(away_until))

    async def worker_is_back(self) -> None:
        if self._restart is not None:
            await self._restart
        assert self._system.stack.is_running("worker")

    async def all_done(self) -> None:
        await self.worker_is_back()
        assert not self._points, f"The call never came to {self._points}."

    async def _start_again(self, away_until: asyncio.Task[float] | None) -> None:
        if away_until is not None:
            await asyncio.wait({away_until})
        await self._system.stack.start_process("worker")
        self.back_at = time.monotonic()


@pytest.mark.parametrize("points", POINTS)
async def test_the_worker_is_killed(system: System, points: str) -> None:
    killer = Killer(system, points)
    call = await system.place_call()
    await killer.at("after_the_post")
    if points == "before_joining":
        await call.here("atlas-1")
        await killer.at("before_joining")
    caller = await call.join()
    await killer.at("after_joining")
    await caller.heard.wait_until_heard(0.3, timeout=20)
    await killer.at("in_the_greeting")
    await caller.heard.wait_for_quiet()
    answer = asyncio.create_task(call.ask())
    await asyncio.sleep(0.5)  # in the middle of the caller's sentence
    await killer.at("in_the_question", away_until=answer)
    await answer
    await killer.at("in_the_answer")
    await caller.heard.wait_for_quiet()
    await killer.at("after_the_answer")
    await has_been_recorded(call)
    await killer.at("before_leaving")
    if points == "while_the_recording_is_uploaded":
        await system.order_fault("recorder", operation="upload", kind="slow", value=4, count=1)
    await call.leave()
    await killer.at("after_leaving")
    if points == "while_the_recording_is_uploaded":
        await upload_has_begun(system, call)
        await killer.at(points)
    await killer.all_done()
    # Whoever answered while nobody worked was Atlas: the audio does not pass through the worker.
    if points in ("in_the_greeting", "in_the_question", "in_the_answer"):
        assert caller.heard.loud_seconds(killer.killed_at, killer.back_at) > 0.3
    await assert_hold(system, Truth.caller_hung_up(call.id, talked=call.talked))


async def has_been_recorded(call: PlacedCall) -> None:
    """What was in a killed worker's hands is given out anew only after its timeout: talk on."""
    since = time.monotonic()
    while not await _is_recorded(call):
        assert time.monotonic() - since < RECORDED_WITHIN, f"{call.id} is not recorded"
        await call.ask("Can I bring my dog?")
        await call.caller.heard.wait_for_quiet()
    print(f"recorded {time.monotonic() - since:.1f} s after the first answer")


async def _is_recorded(call: PlacedCall) -> bool:
    """For long enough that Egress has something to keep."""
    now = datetime.now(UTC)
    return any(
        item["kind"] == "recording_recording"
        and now - datetime.fromisoformat(item["at"]) > timedelta(seconds=2)
        for item in await call.system.timeline(call.id)
    )


async def upload_has_begun(system: System, call: PlacedCall) -> None:
    async def look() -> bool:
        uploads = [one for one in await system.log_of("recorder") if one["operation"] == "upload"]
        return any(call.id in one["key"] for one in uploads)

    await eventually(look, 20, "the recording was never uploaded", every=0.02)


async def test_the_next_command_is_handled_soon_after_the_worker_is_back(system: System) -> None:
    call = await system.place_call()
    await call.join()
    await call.greeted()
    killer = Killer(system, "now")
    await killer.at("now")
    await killer.worker_is_back()
    assert (await call.hang_up()).status_code == 200
    answered_at = time.monotonic()
    since_kill, since_back = answered_at - killer.killed_at, answered_at - killer.back_at
    print(
        f"worker killed: next command after {since_kill:.1f} s, {since_back:.2f} s after it was up"
    )
    assert since_back < NEXT_COMMAND_WITHIN
    await assert_hold(system, operator_hung_up(call))


async def test_a_second_worker_takes_over_at_once(system: System) -> None:
    call = await system.place_call()
    caller = await call.join()
    await call.greeted()
    async with second_worker(system):
        await system.stack.kill("worker")
        killed_at = time.monotonic()
        assert (await call.hang_up()).status_code == 200
        took_over_after = time.monotonic() - killed_at
        print(f"worker killed beside another: next command answered after {took_over_after:.2f} s")
        assert took_over_after < NEXT_COMMAND_WITHIN
        with contextlib.suppress(NotHeard):
            await caller.heard.wait_for_quiet(timeout=5)
        await assert_hold(system, operator_hung_up(call))
        await system.stack.start_process("worker")


def operator_hung_up(call: PlacedCall) -> Truth:
    return Truth(call_id=call.id, reason="operator_hung_up", ended_by="operator")


@asynccontextmanager
async def second_worker(system: System) -> AsyncIterator[None]:
    process = await asyncio.to_thread(_start_beside, system)
    try:
        # Temporal's own list of pollers shows one partition of a queue, and so not every poller.
        await eventually(lambda: _has_started(system), 30, "the second worker never started")
        yield
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def _start_beside(system: System) -> subprocess.Popen[bytes]:
    settings = system.settings_of("worker")
    settings.pop("WORKER_HTTP_PORT", None)  # the first one has it
    with (system.stack.run_dir / "logs" / "worker-2.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "worker_main.py"],
            cwd=CHECKOUT,
            env=settings,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


async def _has_started(system: System) -> bool:
    log = system.stack.run_dir / "logs" / "worker-2.log"
    return "worker_started" in await asyncio.to_thread(log.read_text)
