"""When what happened in a leg: the material of its one end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.ladder.masking import mask_text
from bridge.legs.holds import HoldBook
from bridge.legs.outcome import Blame, Direction, LegEnd
from bridge.legs.sentences import sentence_about
from bridge.rtp import Quality
from bridge.sip import CallEnd


@dataclass(frozen=True, slots=True)
class Why:
    """Of an end that we made ourselves."""

    reason: str
    detail: str = ""
    by: Blame = "us"


class Record:
    """Wall-clock times for people, the monotonic clock for lengths."""

    def __init__(self, direction: Direction) -> None:
        self.holds = HoldBook()
        self.why: Why | None = None
        self.quality: Quality | None = None
        self.trouble = ""
        self._direction: Direction = direction
        self._began_at = now()
        self._ringing_at = self._began_at if direction == "in" else None
        self._answered_at: datetime | None = None
        self._left_at: datetime | None = None
        self._answered_on = self._left_on = 0.0

    @property
    def answered_at(self) -> datetime | None:
        return self._answered_at

    @property
    def was_answered(self) -> bool:
        return self._answered_at is not None

    def rings(self) -> None:
        self._ringing_at = self._ringing_at or now()

    def answered(self) -> None:
        """At the 200; a second time changes nothing."""
        if self._answered_at is None:
            self._answered_at, self._answered_on = now(), time.monotonic()

    def left(self, why: Why) -> None:
        """We hung up; the far side's word about it is still to come."""
        self.why = why
        self._left_at, self._left_on = now(), time.monotonic()

    def end(self, end: CallEnd) -> LegEnd:
        """Ours is the last word unless the far side ended the call before it heard us."""
        why = self.why if end.by != "them" else None
        left_first = self._left_at is not None and self.was_answered
        crossed = end.answered and not self.was_answered
        if crossed:  # it came after our CANCEL, and the end with it
            self.answered()
        ended_at = self._left_at if left_first and self._left_at else now()
        ended_on = self._left_on if left_first else time.monotonic()
        detail = why.detail if why else ""
        if not detail:
            crossing = "The answer crossed our CANCEL, and we hung up at once."
            detail = crossing if crossed and end.reason != "no-session" else sentence_about(end)
            detail = mask_text(detail) + (f" ({self.trouble})" if self.trouble else "")
        return LegEnd(
            direction=self._direction,
            by=why.by if why else end.by,
            reason=why.reason if why else end.reason,
            detail=detail,
            answered=end.answered,
            sip_status=end.sip_status,
            phrase=mask_text(end.phrase),
            reason_header=mask_text(end.reason_header) if end.reason_header else None,
            began_at=self._began_at,
            ringing_at=self._ringing_at,
            answered_at=self._answered_at,
            ended_at=ended_at,
            talk_seconds=max(0.0, ended_on - self._answered_on) if self.was_answered else 0.0,
            holds=self.holds.closed(ended_at),
            quality=self.quality if self.was_answered else None,
        )


def now() -> datetime:
    return datetime.now(UTC)
