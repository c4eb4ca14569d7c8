from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from contract.calls import RecordingStatus


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
