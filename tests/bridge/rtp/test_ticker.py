"""One timer for many calls, on virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from bridge.rtp.ticker import INTERVAL, Ticker


class Loop:
    """Of an event loop only its timers; time stands still unless told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.late = 0.0  # s by which every timer is late
        self._timer: tuple[float, Callable[[], None]] | None = None
        self.wakes = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        self._timer = (self.now + delay, callback)
        return self

    def cancel(self) -> None:
        self._timer = None

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timer is not None and self._timer[0] <= end:
            due, callback = self._timer
            self._timer = None
            self.now = max(self.now, due + self.late)
            self.wakes += 1
            callback()
        self.now = max(self.now, end)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def ticker(loop: Loop) -> Ticker:
    return Ticker(loop, loop.time)  # type: ignore[arg-type]


class Call:
    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.at: list[float] = []
        self.missed = 0

    def __call__(self, due: float, missed: int) -> None:
        self.at.append(due)
        self.missed += missed


def test_a_tick_every_20_ms_without_drift(loop: Loop, ticker: Ticker) -> None:
    call = Call(loop)
    loop.late = 0.0013
    ticker.add(call)
    loop.run(100.0)
    assert len(call.at) == pytest.approx(5000, abs=1)
    steps = [after - before for before, after in pairwise(call.at)]
    assert max(abs(step - INTERVAL) for step in steps) < 1e-6
    assert call.missed == 0
    assert ticker.lateness.percentile(99) == 1.5


def test_calls_are_spread_over_the_20_ms(loop: Loop, ticker: Ticker) -> None:
    calls = [Call(loop) for _ in range(40)]
    for call in calls:
        ticker.add(call)
    loop.run(1.0)
    phases = {round(call.at[-1] % INTERVAL, 4) for call in calls}
    assert len(phases) == 20
    assert all(49 <= len(call.at) <= 51 for call in calls)


def test_a_stall_is_told_and_not_made_up_for(loop: Loop, ticker: Ticker) -> None:
    call = Call(loop)
    ticker.add(call)
    loop.run(1.0)
    loop.now += 0.315
    loop.run(1.0)
    assert call.missed in (14, 15)
    assert len(call.at) + call.missed == pytest.approx(2.315 / INTERVAL, abs=2)
    assert ticker.lateness.missed == call.missed
    steps = {round((after - before) / INTERVAL, 3) for before, after in pairwise(call.at)}
    assert steps == {1.0, call.missed + 1.0}  # still on the old schedule


def test_one_call_s_fault_is_not_the_others(loop: Loop, ticker: Ticker) -> None:
    def faulty(due: float, missed: int) -> None:
        raise RuntimeError("not yours")

    call = Call(loop)
    ticker.add(faulty)
    ticker.add(call)
    loop.run(1.0)
    assert len(call.at) == pytest.approx(50, abs=1)


def test_calls_come_and_go_within_ticks_and_nothing_runs_without_them(
    loop: Loop, ticker: Ticker
) -> None:
    late = Call(loop)

    def first(due: float, missed: int) -> None:
        ticker.remove(first)
        ticker.remove(first)
        ticker.add(late)

    ticker.add(first)
    loop.run(0.5)
    assert len(late.at) == pytest.approx(24, abs=2)
    ticker.remove(late)
    assert len(ticker) == 0
    wakes = loop.wakes
    loop.run(10.0)
    assert loop.wakes == wakes


@pytest.mark.parametrize("later", [0.0043, 0.011, 0.0199, 0.027])
def test_a_call_moves_to_where_it_wants_to_be(loop: Loop, ticker: Ticker, later: float) -> None:
    call, other = Call(loop), Call(loop)
    ticker.add(call)
    ticker.add(other)
    loop.run(1.0)
    ticker.move(call, wanted := loop.now + later)
    before = len(call.at)
    loop.run(1.0)
    assert 0 <= call.at[before] - wanted < 0.0011
    steps = [after - earlier for earlier, after in pairwise(call.at[before:])]
    assert max(abs(step - INTERVAL) for step in steps) < 1e-6
    assert call.missed == other.missed == 0
    assert len(other.at) == pytest.approx(100, abs=1)


@pytest.mark.parametrize("step", [0.001, -0.001])
def test_a_call_that_keeps_step_never_ticks_twice_or_not_at_all(
    loop: Loop, ticker: Ticker, step: float
) -> None:
    at: list[float] = []

    def tick(due: float, missed: int) -> None:
        at.append(due)
        ticker.move(tick, due + INTERVAL + step)

    ticker.add(tick)
    for _ in range(7):
        ticker.add(Call(loop))
    loop.run(2.0)
    steps = {round(after - before, 4) for before, after in pairwise(at)}
    assert steps == {round(INTERVAL + step, 4)}


def test_no_moment_is_for_everyone(loop: Loop, ticker: Ticker) -> None:
    """As of a carrier that sends all its calls' packets in one burst."""
    calls = [Call(loop) for _ in range(100)]
    for call in calls:
        ticker.add(call)
    loop.run(1.0)
    for call in calls:
        ticker.move(call, loop.now + 0.01)
    loop.run(1.0)
    phases = Counter(round(call.at[-1] % INTERVAL, 4) for call in calls)
    assert max(phases.values()) <= 15
    assert all(98 <= len(call.at) <= 102 for call in calls)


def test_who_has_gone_does_not_come_back_by_moving(loop: Loop, ticker: Ticker) -> None:
    call = Call(loop)
    ticker.add(call)
    ticker.remove(call)
    ticker.move(call, loop.now + 0.01)
    loop.run(1.0)
    assert call.at == []


async def test_a_loop_has_one() -> None:
    assert Ticker.of_loop() is Ticker.of_loop()
    ticks: list[float] = []
    done = asyncio.Event()

    def tick(due: float, missed: int) -> None:
        ticks.append(due)
        if len(ticks) == 5:
            done.set()

    Ticker.of_loop().add(tick)
    await asyncio.wait_for(done.wait(), 5)
    Ticker.of_loop().remove(tick)
    assert ticks == sorted(ticks)
