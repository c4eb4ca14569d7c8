"""Sound that must not pause: who hears it would wait for what never comes, and stay late for good.

Measured: after 400 ms without frames listeners were 400 ms late until the end of the call, as the
timestamps of a source without a queue stand still meanwhile. LiveKit's own queue has no such pauses
but costs a thread a track, and 15 ms of delay.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

_EVERY = 0.02  # s

log = logging.getLogger(__name__)


class Kept(Protocol):
    def keep_on(self, now: float) -> None:
        """On the keeper's thread. `now` is of the monotonic clock."""


class Keeper:
    """Looks after all that is kept, on one thread: it goes on while an event loop stands still."""

    def __init__(self) -> None:
        self._kept: tuple[Kept, ...] = ()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, kept: Kept) -> None:
        with self._lock:
            self._kept = (*self._kept, kept)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()

    def remove(self, kept: Kept) -> None:
        """Safe to repeat. The thread ends with the last one."""
        with self._lock:
            self._kept = tuple(other for other in self._kept if other is not kept)

    def _run(self) -> None:
        while True:
            time.sleep(_EVERY)
            with self._lock:
                if not self._kept:
                    self._thread = None
                    return
                kept = self._kept
            now = time.monotonic()
            for one in kept:
                try:
                    one.keep_on(now)
                except Exception:  # the others go on
                    log.exception("a sound is not kept any more")
                    self.remove(one)


keeper = Keeper()
"""The process'."""
