from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.fields import Moment, Strict
from api.links import RecordingLinks
from api.pages import NextCursor
from api.retention.schemas import DeletionRead
from contract.calls import RecordingStatus
from contract.recordings import RETRY_REASON_MAX


class RecordingRead(BaseModel):
    call_id: str
    status: RecordingStatus
    detail: str = Field(description="Why it needs attention, or is lost.")
    attempts: int
    url: str | None = Field(description="Plays it, once it is ready; anybody who has it may.")
    expires_at: datetime | None = Field(description="Until when the URL is good.")
    duration_seconds: float | None
    size_bytes: int | None
    sha256: str | None = Field(description="Of the stored bytes, in hexadecimal.")
    delete_after: datetime | None = Field(description="When retention deletes it. None: never.")
    deletion: DeletionRead | None = Field(description="Who had it deleted, when and why.")


class RecordingSummary(BaseModel):
    """A recording in a list."""

    call_id: str = Field(examples=["call_01kafz9q0rmx5yt7w2e3n4p5q6"])
    assistant_id: str | None
    status: RecordingStatus
    detail: str = Field(description="What became of it last; why it failed, if it did.")
    attempts: int = Field(description="How often recording was started.", examples=[1])
    started_at: datetime = Field(description="The call's.")
    ended_at: datetime | None = Field(description="The call's.")
    updated_at: datetime = Field(description="When its status was last told.")
    duration_seconds: float | None
    size_bytes: int | None
    sha256: str | None = Field(description="Of the stored bytes, in hexadecimal.")
    links: RecordingLinks


class RecordingPageRead(BaseModel):
    items: list[RecordingSummary]
    next_cursor: NextCursor


_Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=RETRY_REASON_MAX,
        pattern=r"\S",
        description="Why, for the recording's history and the call's timeline.",
        examples=["The object store is back."],
    ),
]


class RetryRequest(Strict):
    reason: _Reason


class RetryOutcome(StrEnum):
    WOULD_RETRY = "would_retry"
    ENDED = "ended"
    UNDER_WAY = "under_way"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class RetryRead(BaseModel):
    """What became of one retry."""

    call_id: str = Field(examples=["call_01kafz9q0rmx5yt7w2e3n4p5q6"])
    outcome: RetryOutcome = Field(
        description="`ended`: `status` is what it led to. `under_way`: it goes on by itself; read "
        "the recording, or repeat the request with its key, which waits on for the same retry. "
        "`would_retry`: of a dry run. `refused`, `unavailable`: only among many; `detail` says why."
    )
    status: RecordingStatus
    attempts: int
    detail: str
    links: RecordingLinks


class RetryManyRequest(Strict):
    """Which recordings: all that every given field fits."""

    status: Literal[RecordingStatus.NEEDS_ATTENTION] = Field(
        RecordingStatus.NEEDS_ATTENTION, description="Only these can be retried."
    )
    assistant_id: str | None = Field(None, max_length=64)
    started_after: Moment | None = Field(None, description="The call's start.")
    started_before: Moment | None = Field(None, description="The call's start.")
    reason_contains: str | None = Field(
        None,
        max_length=200,
        description="A part of `detail`, in upper or lower case.",
        examples=["403"],
    )
    reason: _Reason
    dry_run: bool = Field(True, description="Only tell which ones would be retried.")
    limit: int = Field(100, ge=1, le=100, description="At most so many, the newest first.")
    cursor: str | None = Field(
        None, max_length=200, description="`next_cursor` of the answer before, for the others."
    )


class RetryManyRead(BaseModel):
    dry_run: bool
    items: list[RetryRead] = Field(description="One of each recording, the newest first.")
    next_cursor: NextCursor
    remaining: int = Field(
        description="How many more there are behind `next_cursor`: beyond `limit`, or for which "
        "there was no time in this request."
    )
