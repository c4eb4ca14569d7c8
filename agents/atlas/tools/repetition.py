from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable


class RepetitionBreaker:
    """Refuses what was asked for too often in a short while: models repeat a failing call."""

    def __init__(
        self,
        allowed: int = 3,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._clock = clock
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def allows(self, what: str) -> bool:
        now = self._clock()
        times = self._times[what]
        while times and now - times[0] > self._seconds:
            times.popleft()
        if len(times) >= self._allowed:
            return False
        times.append(now)
        return True
