"""One timer for all calls of a process: each of them is called every 20 ms, on a fixed schedule.

The calls are spread over the 20 ms, so that four hundred of them do not wait for one another; a
call may move to where its packets come. The schedule is absolute: lateness of one tick does not
move the next one, and ticks that a stall has swallowed are told as `missed` instead of being made
up for one by one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

INTERVAL = 0.02  # s
_SLOTS = 20  # of a millisecond
_CROWD = 2.0  # times its share of the calls: more than that no slot takes from others
_ALWAYS = 4  # calls, however few there are in all
_EARLY = 0.0005  # s: timers count milliseconds; waiting for the rest would take another one

Tick = Callable[[float, int], None]
"""Called with the time (s) that was due, and how many ticks before it were missed."""

log = logging.getLogger(__name__)


class Lateness:
    """A histogram of how late ticks came, in milliseconds."""

    BOUNDS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, math.inf)

    def __init__(self) -> None:
        self.counts = [0] * len(self.BOUNDS)
        self.total = 0.0  # ms
        self.missed = 0  # ticks

    def add(self, ms: float) -> None:
        self.total += ms
        for index, bound in enumerate(self.BOUNDS):
            if ms <= bound:
                self.counts[index] += 1
                return

    def percentile(self, percent: float) -> float:
        """The upper bound of the class it is in; 0 before the first tick."""
        due = sum(self.counts) * percent / 100
        for bound, count in zip(self.BOUNDS, self.counts, strict=True):
            due -= count
            if due <= 0:
                return bound if sum(self.counts) else 0.0
        return math.inf


class Ticker:
    """`Ticker.of_loop()` is the one to share."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.lateness = Lateness()
        self._loop = loop
        self._clock = clock
        self._slots: list[list[Tick]] = [[] for _ in range(_SLOTS)]
        self._slot_of: dict[Tick, int] = {}
        self._not_before: dict[Tick, float] = {}  # of those that have just moved, s
        self._due = [0.0] * _SLOTS
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of_loop(cls) -> Ticker:
        """The running loop's."""
        loop = asyncio.get_running_loop()
        ticker = _tickers.get(loop)
        if ticker is None:
            ticker = _tickers[loop] = cls(loop)
        return ticker

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, tick: Tick) -> None:
        now = self._clock()
        slot = min(range(_SLOTS), key=lambda index: len(self._slots[index]))
        if not self._slots[slot]:
            self._due[slot] = self._next_of(slot, now)
        self._slots[slot].append(tick)
        self._slot_of[tick] = slot
        self._arm(now)

    def move(self, tick: Tick, due: float) -> bool:
        """Call it next at `due` (s), within 40 ms from now, and every 20 ms from then on.

        To the millisecond; later than `due` where too many are called then already. False: it stays
        where it is.
        """
        here = self._slot_of.get(tick)
        if here is None:
            return False
        slot = math.ceil(due / INTERVAL % 1 * _SLOTS - 1e-6) % _SLOTS
        crowd = max(_ALWAYS, _CROWD * len(self) / _SLOTS)
        while slot != here and len(self._slots[slot]) >= crowd:
            slot = (slot + 1) % _SLOTS
        self._not_before[tick] = due - _EARLY
        if slot == here:
            return False
        self._slots[here] = [other for other in self._slots[here] if other != tick]
        now = self._clock()
        if not self._slots[slot]:
            self._due[slot] = self._next_of(slot, now)
        self._slots[slot].append(tick)
        self._slot_of[tick] = slot
        self._arm(now)
        return True

    def remove(self, tick: Tick) -> None:
        """Safe to repeat; also from within a tick."""
        self._not_before.pop(tick, None)
        slot = self._slot_of.pop(tick, None)
        if slot is not None:
            # A copy: the old list may just be walked through.
            self._slots[slot] = [other for other in self._slots[slot] if other != tick]
        if not len(self) and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_of(self, slot: int, now: float) -> float:
        offset = slot * INTERVAL / _SLOTS
        return (math.floor((now - offset) / INTERVAL) + 1) * INTERVAL + offset

    def _arm(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = min(due for due, slot in zip(self._due, self._slots, strict=True) if slot)
        self._timer = self._loop.call_later(max(0.0, due - now), self._run)

    def _run(self) -> None:
        self._timer = None
        now = self._clock()
        for index in sorted(range(_SLOTS), key=self._due.__getitem__):
            if self._slots[index] and self._due[index] <= now + _EARLY:
                self._run_slot(index)
                now = self._clock()
        if len(self):
            self._arm(now)

    def _run_slot(self, index: int) -> None:
        due = self._due[index]
        missed = max(0, int((self._clock() - due) / INTERVAL))
        due += missed * INTERVAL
        self._due[index] = due + INTERVAL
        self.lateness.missed += missed * len(self._slots[index])
        for tick in self._slots[index]:
            if self._not_before and due < self._not_before.pop(tick, 0.0):
                continue
            self.lateness.add((self._clock() - due + missed * INTERVAL) * 1000)
            try:
                tick(due, missed)
            except Exception:  # one call's fault is not the others'
                log.exception("a tick failed")


_tickers: WeakKeyDictionary[asyncio.AbstractEventLoop, Ticker] = WeakKeyDictionary()
