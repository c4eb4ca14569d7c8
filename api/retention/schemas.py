from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.fields import Strict
from contract.retention import Kept

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class DeletionRead(BaseModel):
    asked_at: datetime = Field(description="From here on it is given to nobody.")
    by: str = Field(
        description="The name of the key that asked; `retention`: nobody did, it was due.",
        examples=["retention"],
    )
    reason: str
    deleted_at: datetime | None = Field(description="None while files are still there.")
    failure: str = Field(description="Why the latest try did not delete it; it is tried again.")


class KeptRead(BaseModel):
    delete_after: datetime | None = Field(
        description="When retention deletes it, as the call's assistant said at its end. None: "
        "never, or it is deleted already."
    )
    deletion: DeletionRead | None


class RetentionRead(BaseModel):
    recording: KeptRead
    transcript: KeptRead


class LegalHoldRead(BaseModel):
    placed_at: datetime
    by: str = Field(description="The name of the key that placed it.")
    reason: str


class LegalHoldRequest(Strict):
    reason: Reason = Field(description="For the timeline.", examples=["Case 2026-117"])


class LegalHoldPlaced(LegalHoldRead):
    call_id: str
    covers: tuple[Kept, ...] = Field(
        description="What the hold keeps. Left out: what was deleted before, or is being deleted."
    )


class Deleted(DeletionRead):
    call_id: str
    what: Kept
