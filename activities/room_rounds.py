"""Which rooms the watch goes into: one that looks the same from outside waits for its turn."""

from __future__ import annotations

import random
from dataclasses import dataclass

from contract.calls import CallStatus

# With the patience of an oddity and the time between two looks, well below the 30 s within which a
# call must end whose webhooks were all lost.
TURN_SECONDS = 16.0


@dataclass(frozen=True, slots=True)
class Outside:
    """What one request for all rooms tells of each, and what the store thinks of its call.

    LiveKit counts humans in `num_participants`, up to ten seconds late, and whoever has a track,
    Atlas too, in `num_publishers`.
    """

    room_sid: str
    humans: int
    publishers: int
    status: CallStatus


@dataclass(frozen=True, slots=True)
class _Visit:
    outside: Outside
    was_odd: bool
    again_at: float


class Rounds:
    """Times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._visits: dict[str, _Visit] = {}

    def is_due(self, call_id: str, outside: Outside, now: float) -> bool:
        """New, changed, at odds with the store when last seen, or not seen for a whole turn."""
        last = self._visits.get(call_id)
        return last is None or last.was_odd or last.outside != outside or now >= last.again_at

    def visited(self, call_id: str, outside: Outside, now: float, *, was_odd: bool) -> None:
        # Spread over a turn at once: a watch that begins sees them all in one look.
        earliest = 0.75 if call_id in self._visits else 0.0
        again_at = now + TURN_SECONDS * random.uniform(earliest, 1.0)
        self._visits[call_id] = _Visit(outside, was_odd, again_at)

    def forget_all_but(self, call_ids: set[str]) -> None:
        self._visits = {key: visit for key, visit in self._visits.items() if key in call_ids}
