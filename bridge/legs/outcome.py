"""What became of a leg: when, why, by whom, and how good it sounded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bridge.rtp import Quality
from contract.endings import CallEnding, ending_from_sip_status

Direction = Literal["out", "in"]
Side = Literal["us", "them"]
Blame = Literal["us", "them", "network"]


@dataclass(frozen=True, slots=True)
class HoldInterval:
    began: datetime
    ended: datetime
    by: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnd:
    """The one truthful end of a leg. `reason` is a kebab word, `detail` a sentence for people.
    The far side's words (`phrase`, `reason_header`) have their numbers masked, so that all of it
    may be logged. Talk time begins with the 200, which is what carriers bill."""

    direction: Direction
    by: Blame
    """Who made the call end, which is not always who said BYE."""
    reason: str
    detail: str
    answered: bool
    """There was a 200, also one that could not be used or that crossed our CANCEL."""
    sip_status: int | None
    phrase: str
    reason_header: str | None
    began_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime
    talk_seconds: float
    holds: tuple[HoldInterval, ...]
    quality: Quality | None

    @property
    def ending(self) -> CallEnding | None:
        """What a refusal of our call means for the platform; None: that is not for SIP to say."""
        if self.direction == "in" or self.answered or (self.sip_status or 0) < 300:
            return None
        assert self.sip_status is not None
        return ending_from_sip_status(self.sip_status, self.phrase)

    def as_document(self) -> dict[str, Any]:
        """For JSON; times in ISO 8601."""
        quality = self.quality
        return {
            "direction": self.direction,
            "answered": self.answered,
            "reason": self.reason,
            "by": self.by,
            "detail": self.detail,
            "ended_reason": self.ending.reason.value if self.ending else None,
            "sip_status": self.sip_status,
            "sip_phrase": self.phrase,
            "reason_header": self.reason_header,
            "began_at": _written(self.began_at),
            "ringing_at": _written(self.ringing_at),
            "answered_at": _written(self.answered_at),
            "ended_at": _written(self.ended_at),
            "talk_seconds": round(self.talk_seconds, 3),
            "holds": [
                {"from": _written(hold.began), "to": _written(hold.ended), "by": hold.by}
                for hold in self.holds
            ],
            "quality": None if quality is None else _rounded(quality),
        }


def _rounded(quality: Quality) -> dict[str, float | int | None]:
    figures = {name: getattr(quality, name) for name in quality.__dataclass_fields__}
    return {n: round(f, 2) if isinstance(f, float) else f for n, f in figures.items()}


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
