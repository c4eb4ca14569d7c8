"""How the command ends for scripts (docs/bridge.md)."""

from __future__ import annotations

from enum import IntEnum

from bridge.legs import LegEnd


class Exit(IntEnum):
    ANSWERED = 0
    FAILED = (
        1  # answered, and ended by a fault: no audio, a lost connection, a peer that broke rules
    )
    USAGE = 2
    BUSY = 3
    NO_ANSWER = 4
    REFUSED = 5
    NETWORK = 6  # no way there, or nothing but silence from there
    INTERRUPTED = 130


_FAULTS = {
    *("media-timeout", "connection-lost", "no-session", "unusable-answer", "ack-timeout"),
    *("session-expired", "dialog-lost", "no-response"),
    *("cancelled", "no-answer"),  # the answer came too late, and is billed
}
_UNANSWERED = {
    "busy": Exit.BUSY,
    "no-answer": Exit.NO_ANSWER,
    "cancelled": Exit.NO_ANSWER,
    "unreachable": Exit.NETWORK,
    "no-response": Exit.NETWORK,
    "connection-lost": Exit.NETWORK,
}


def exit_of(end: LegEnd) -> Exit:
    if end.answered:
        return Exit.FAILED if end.reason in _FAULTS else Exit.ANSWERED
    return _UNANSWERED.get(end.reason, Exit.REFUSED)
