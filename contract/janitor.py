"""What the janitor finds of calls whose workflow was cut off, and hands on to be finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from contract.calls import CallRequest
from contract.endings import CallEnding
from contract.recordings import RecordingRequest

JANITOR_SCHEDULE_ID = "janitor"
JANITOR_WORKFLOW_ID = "janitor-round"  # Temporal adds the moment of each round

# The kind of the timeline's line that says it; its `data` has `how`, a CutOff or RECORDING_CUT_OFF.
CUT_OFF_KIND = "cut_off"
RECORDING_CUT_OFF = "recording"

# ApplicationError type of READ_WHAT_IS_LEFT: the call's workflow runs, or nobody knows it.
NOT_CUT_OFF_ERROR = "not-cut-off"


class CutOff(StrEnum):
    """How a call's workflow ended without finishing its call."""

    TERMINATED = "terminated"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"  # and its record does not say so
    NEVER_STARTED = "never_started"  # whoever wrote the row died before it told Temporal


@dataclass(frozen=True, slots=True, kw_only=True)
class CallToFinish:
    call_id: str
    tenant_id: str
    assistant_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """Result of LOOK_FOR_WHAT_IS_LEFT, oldest first; what a look leaves out the next one finds."""

    calls: tuple[CallToFinish, ...] = ()
    recordings: tuple[RecordingRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLeft:
    """All that is known of one call: its row, and what its workflow's history still tells.

    `facts` are those about who was there, answered and left, in the order in which they were told.
    """

    request: CallRequest
    how: CutOff
    why: str  # the operator's reason, or the failure's message; may be empty
    by: str  # who terminated it, as Temporal knows them; may be empty
    cut_off_at: datetime
    last_heard_at: datetime  # when somebody last knew of the human, if nobody is there any more
    room_sid: str
    answered_at: datetime | None  # as the record has it
    ended_at: datetime | None
    ending: CallEnding | None  # the record's: only the rest of the wrap-up was cut off
    facts: tuple[dict[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishReport:
    """The result of one finishing. Not `finished`: there was nothing to finish."""

    finished: bool
    detail: str
    talk_seconds: float = 0.0
