"""For processes that carry many calls: Python's garbage collector keeps out of the pacer's way."""

from __future__ import annotations

import gc

_THRESHOLDS = (50_000, 20, 100)


def collect_rarely() -> None:
    """Call it once, when all is imported. Hundreds of calls are a hundred thousand objects, and
    looking through them takes longer than a packet may be late; they hold few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
