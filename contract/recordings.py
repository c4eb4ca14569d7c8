"""The recording workflow's input, messages and result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from contract.calls import RecordingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRequest:
    """`left_behind`: an earlier workflow of this recording was cut off after so many attempts. The
    call is over; what there is of a file is to be found, checked and told. `flaw`: it needed
    attention already, for this reason, and waits for an operator again. `began_anew`: it had been
    begun more than once by then, so that one file may not be all."""

    call_id: str
    tenant_id: str
    room_name: str
    left_behind: bool = False
    attempts: int = 0
    flaw: str = ""
    began_anew: bool = False
    talk_began_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStop:
    """Signal `stop`: the call is over. Older senders said no more than that, and so does whoever
    does not know when: of a room that vanished it is only known when somebody noticed."""

    call_ended_at: datetime | None = None


# ApplicationError type of START_EGRESS: there is nothing left to be recorded.
ROOM_GONE_ERROR = "room-gone"

# ApplicationError types with which the update `retry` is refused.
NOT_FAILED_ERROR = "recording-not-failed"
RETRY_RUNS_ERROR = "retry-under-way"
BAD_RETRY_ERROR = "bad-retry"

RETRY_BY_MAX = 200
RETRY_REASON_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRetry:
    """Update `retry` of a recording that needs attention: who asks for it again, and why.

    It answers with what became of it: while the call lives a further segment is begun
    (`recording`), afterwards the files are looked for (`ready`, `lost`); `needs_attention` again
    when that did not work.
    """

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReport:
    """How a recording, or a retry of it, came out."""

    status: RecordingStatus
    attempts: int
    detail: str = ""


class EgressStatus(StrEnum):
    """LiveKit's EgressStatus by name, without its prefix."""

    STARTING = "starting"
    ACTIVE = "active"
    ENDING = "ending"
    COMPLETE = "complete"
    FAILED = "failed"
    ABORTED = "aborted"
    LIMIT_REACHED = "limit_reached"
    UNKNOWN = "unknown"  # the recorder does not know this egress (any more)

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset(
    {
        EgressStatus.COMPLETE,
        EgressStatus.FAILED,
        EgressStatus.ABORTED,
        EgressStatus.LIMIT_REACHED,
        EgressStatus.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressSeen:
    """What Egress says of one recording: by webhook (a signal), or when asked.

    `backup_used`: the object store did not take it, Egress' own backup storage has it. `details`:
    why it ended, in Egress' own words.
    """

    egress_id: str
    status: EgressStatus
    error: str = ""
    error_code: int = 0
    object_key: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: float = 0.0
    size_bytes: int = 0
    backup_used: bool = False
    details: str = ""

    @property
    def was_told_to_stop(self) -> bool:
        """By somebody who used LiveKit's API: neither by itself nor with its room."""
        return "StopEgress" in self.details

    @classmethod
    def from_dict(cls, raw: object) -> EgressSeen:
        """Raises ValueError with a sentence for everything malformed."""
        if not isinstance(raw, dict):
            raise ValueError("Not an object.")
        try:
            return cls(
                egress_id=str(raw["egress_id"]),
                status=EgressStatus(raw["status"]),
                error=str(raw.get("error", "")),
                error_code=int(raw.get("error_code", 0)),
                object_key=str(raw.get("object_key", "")),
                started_at=_moment(raw.get("started_at")),
                ended_at=_moment(raw.get("ended_at")),
                duration_seconds=float(raw.get("duration_seconds", 0.0)),
                size_bytes=int(raw.get("size_bytes", 0)),
                backup_used=raw.get("backup_used") is True,
                details=str(raw.get("details", "")),
            )
        except (KeyError, TypeError, ValueError) as wrong:
            raise ValueError(f"A malformed egress event: {wrong!r}.") from None


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None
