"""How much longer things may take on this machine than on one that has time for them."""

from __future__ import annotations

import os

_FREE = 2.0  # that want to run at the same time, for each core
_SLOWEST = 3.0


def slowness() -> float:
    """1 where not too many want to run, else as many times more, up to what agents themselves
    allow each other where everything takes longer (`agents/alive.py`)."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(max(load / _FREE, 1.0), _SLOWEST)
