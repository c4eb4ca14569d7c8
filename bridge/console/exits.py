"""How the command ends for scripts (docs/bridge.md)."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    ANSWERED = 0
    FAILED = (
        1  # answered, then ended by a fault: no audio, connection lost, a peer that broke rules
    )
    USAGE = 2
    BUSY = 3
    NO_ANSWER = 4
    REFUSED = 5
    NETWORK = 6  # nobody there: no route, no connection, nothing but silence
    INTERRUPTED = 130
