"""What every layer shares: the time, timers, what goes out and what is told."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from bridge.sip.events import Event
from bridge.sip.flow import Address, Flow, Outgoing, Transport
from bridge.sip.ids import Ids
from bridge.sip.settings import UserAgentSettings

_COMPACT_ABOVE = 1024


class Hop(NamedTuple):
    """Where a message goes next: a flow, or (None) a connection to be opened."""

    flow: Flow | None
    transport: Transport
    destination: Address

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"

    @classmethod
    def back(cls, flow: Flow) -> Hop:
        return cls(flow, flow.transport, flow.remote)


class Timer:
    __slots__ = ("_callback", "_core", "when")

    def __init__(self, core: Core, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self._core = core
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        if self._callback is not None:
            self._callback = None
            self._core.timer_cancelled()

    @property
    def waits(self) -> bool:
        return self._callback is not None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Core:
    def __init__(self, settings: UserAgentSettings, ids: Ids) -> None:
        self.settings = settings
        self.timers = settings.timers
        self.ids = ids
        self.now = 0.0
        self.drops: Counter[str] = Counter()
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._outgoing: list[Outgoing] = []
        self._outgoing_bytes = 0
        self._events: list[Event] = []

    def clock(self, now: float) -> None:
        self.now = max(self.now, now)

    def after(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self, self.now + delay, callback)
        heapq.heappush(self._heap, (timer.when, next(self._order), timer))
        return timer

    def timer_cancelled(self) -> None:
        """Cancelled timers stay in the heap until they are the half of it."""
        self._cancelled += 1
        if self._cancelled > _COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [each for each in self._heap if each[2].waits]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def advance(self, now: float) -> None:
        """Timers fire in their order, each at its own time: late is not later for the next."""
        while self._heap and self._heap[0][0] <= now:
            when, _, timer = heapq.heappop(self._heap)
            if timer.waits:
                self.clock(when)
                timer.fire()
            else:
                self._cancelled -= 1
        self.clock(now)

    @property
    def deadline(self) -> float | None:
        while self._heap and not self._heap[0][2].waits:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def send(self, hop: Hop, data: bytes) -> None:
        if self._outgoing_bytes > self.settings.limits.outbox_bytes:
            self.drops["outbox-full"] += 1
            return
        self._outgoing_bytes += len(data)
        self._outgoing.append(Outgoing(hop.flow, hop.transport, hop.destination, data))

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def take_outgoing(self) -> list[Outgoing]:
        taken, self._outgoing, self._outgoing_bytes = self._outgoing, [], 0
        return taken

    def take_events(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken
