"""What of a call is deleted when: by its assistant's retention, or because somebody asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

RETENTION_SCHEDULE_ID = "retention"
RETENTION_WORKFLOW_ID = "retention-round"  # Temporal adds the moment of each round
DELETE_RECORDING_WORKFLOW = "DeleteRecordingWorkflow"

# Who asked for a deletion that nobody asked for: the assistant's retention.
BY_RETENTION = "retention"

# ApplicationError type of DELETE_RECORDING: the store knows of no such wish.
NOT_ASKED_ERROR = "deletion-not-asked"


class Kept(StrEnum):
    """What of a call can be deleted by itself; the rest of its record stays."""

    RECORDING = "recording"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePlace:
    """A place in the list of what is due, oldest first."""

    due_at: datetime
    call_id: str
    what: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseDue:
    """One page of a round. `until`: the round's own moment, so that its pages come to an end."""

    until: datetime
    after: DuePlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedPage:
    """`left` could not be deleted now, each with a reason in words; the next round tries again.
    `last`: where the next page goes on; None after the last one."""

    recordings: int = 0
    transcripts: int = 0
    left: int = 0
    reasons: tuple[str, ...] = ()
    last: DuePlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """The result of one round."""

    recordings: int = 0
    transcripts: int = 0
    left: int = 0
    reasons: tuple[str, ...] = ()  # different ones, the first few


@dataclass(frozen=True, slots=True)
class DeleteRecording:
    """Of one call, for which the store has the wish already."""

    call_id: str


@dataclass(frozen=True, slots=True)
class RecordingDeleted:
    """`files`: how many were found and are gone. Not `deleted`: `detail` says why not yet."""

    deleted: bool
    files: int = 0
    detail: str = ""
