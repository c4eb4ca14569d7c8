"""What may go wrong with a recording at its recorder, and what may be hoped for then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Hope(Enum):
    HEALS = "ready by itself"
    RETRY = "ready, by an operator's retry at the latest"
    NONE = "lost, or needs attention; says why, and is never ready"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of the stand-in's (sandbox/recorder/faults.py), armed before the call or, where what
    it does is done at once, in the middle of it."""

    name: str
    hope: Hope
    fault: dict[str, Any]
    in_mid_call: bool = False
    noticed_after: float = 0.0  # s of silence, so that what is said next can be recorded


TROUBLES = (
    Trouble(
        "the start is refused twice",
        Hope.HEALS,
        {"operation": "start", "kind": "status", "value": 503, "count": 2},
    ),
    Trouble(
        "the start works, its answer is lost",
        Hope.HEALS,
        {"operation": "start", "kind": "cut", "count": 1},
    ),
    Trouble(
        "the start is refused for ever",
        Hope.NONE,
        {"operation": "start", "kind": "status", "value": 503},
    ),
    Trouble("no webhook arrives", Hope.HEALS, {"operation": "webhook", "kind": "cut"}),
    Trouble(
        "the stop's answer is lost", Hope.HEALS, {"operation": "stop", "kind": "cut", "count": 1}
    ),
    Trouble(
        "the recorder dies in mid-call",
        Hope.RETRY,
        {"operation": "record", "kind": "cut", "count": 1},
        in_mid_call=True,
        noticed_after=6.0,
    ),
    Trouble(
        "the store refuses the upload",
        Hope.RETRY,
        {"operation": "upload", "kind": "status", "value": 403, "count": 1},
    ),
    Trouble(
        "the upload breaks off", Hope.RETRY, {"operation": "upload", "kind": "cut", "count": 1}
    ),
    Trouble("the upload is slow", Hope.HEALS, {"operation": "upload", "kind": "slow", "value": 5}),
    Trouble(
        "half of the file is stored, and none kept",
        Hope.NONE,
        {"operation": "upload", "kind": "garbage", "count": 1},
    ),
)
