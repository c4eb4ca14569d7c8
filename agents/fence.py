"""The self-fence: an agent that was frozen must not speak again.

LiveKit lets a process that slept longer than its 20 s timeout rejoin and talk on beside its
successor (facts/livekit_measured.md section 4). So a thread, for asyncio may be what is stuck,
watches both clocks and ends the process at once when they jumped.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

FROZEN_EXIT_CODE = 75  # EX_TEMPFAIL
FREEZE_LIMIT = 3.0
_INTERVAL = 0.05


class FreezeDetector:
    """Knows from two clocks whether this process was stopped for longer than `limit` seconds.

    The monotonic clock stands still while a virtual machine is suspended, the wall clock does
    not; a wall clock that is set back says nothing.
    """

    def __init__(self, limit: float, monotonic: float, wall: float) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._wall = wall

    def frozen_for(self, monotonic: float, wall: float) -> float | None:
        """Seconds that this process slept, if that is more than the limit."""
        gap = max(monotonic - self._monotonic, wall - self._wall)
        self._monotonic, self._wall = monotonic, wall
        return gap if gap > self._limit else None


def leave_at_once(seconds: float) -> None:
    # No logging here: its locks may be held by whatever was frozen.
    os.write(2, f"agent was frozen for {seconds:.1f} s; leaving at once\n".encode())
    os._exit(FROZEN_EXIT_CODE)


class SelfFence:
    def __init__(
        self,
        *,
        limit: float = FREEZE_LIMIT,
        on_frozen: Callable[[float], None] = leave_at_once,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._limit = limit
        self._on_frozen = on_frozen
        self._monotonic = monotonic
        self._wall = wall
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="self_fence", daemon=True)
        self._thread.start()

    def aclose(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
            self._thread = None

    def _watch(self) -> None:
        detector = FreezeDetector(self._limit, self._monotonic(), self._wall())
        while not self._closing.wait(_INTERVAL):
            seconds = detector.frozen_for(self._monotonic(), self._wall())
            if seconds is not None:
                self._on_frozen(seconds)
