from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.links import CallLinks
from api.pages import NextCursor
from api.retention.schemas import DeletionRead, LegalHoldRead, RetentionRead
from contract.calls import CallStatus, Direction, Provider, RecordingStatus
from contract.endings import EndedBy, EndedReason


class CallRecording(BaseModel):
    status: RecordingStatus
    attempts: int = Field(description="How often recording was started.", examples=[1])
    detail: str = Field(description="Why it needs attention, or is lost.")
    duration_seconds: float | None = None


class CostItem(BaseModel):
    model_config = ConfigDict(extra="allow")

    what: str = Field(
        description="`telephony`, `agent`, `stt`, `llm`, `tts` or `realtime`.", examples=["tts"]
    )
    provider: str = Field(examples=["elevenlabs"])
    model: str = Field("", description="Of telephony: the trunk.", examples=["eleven_turbo_v2_5"])
    quantity: str = Field(
        description="Exact text of a decimal number; of telephony, as the carrier rounds seconds.",
        examples=["212"],
    )
    unit: str = Field(examples=["characters"])
    unit_price: str | None = Field(description="None when nobody knows it.", examples=["0.00005"])
    per: str = Field("1", description="So many units cost `unit_price`.", examples=["1"])
    amount: str | None = Field(
        description="quantity × unit_price / per, rounded to the millionth, half up; None when "
        "the price is not known.",
        examples=["0.010600"],
    )
    price_table: str = Field("", description="Whose price it is.", examples=["2026-11-01"])
    why: str = Field("", description="Why there is no amount.")


class BilledSeconds(BaseModel):
    answered: str = Field(description="From the answer to the end, holds and all.")
    held: str = Field(description="How many of them somebody held; they cost what others do.")


class Cost(BaseModel):
    total: str = Field(description="Exact text of a decimal number.", examples=["0.0132"])
    currency: str = Field(examples=["USD"])
    partial: bool = Field(description="True when something that was used is not in `total`.")
    partial_because: list[str] = Field(description="What is not, and why; a sentence each.")
    price_table: str = Field(
        description="Version of the price table that was valid when the call began.",
        examples=["2026-11-01"],
    )
    seconds: BilledSeconds | None = Field(description="None in bills of before there was any.")
    items: list[CostItem]


class Hold(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    begin: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to")
    holder: str


class CallSummary(BaseModel):
    """A call in a list."""

    call_id: str = Field(examples=["call_01kafz9q0rmx5yt7w2e3n4p5q6"])
    tenant_id: str
    direction: Direction
    provider: Provider
    assistant_id: str | None = Field(description="None until a joined room's assistant is known.")
    trunk_id: str | None = Field(description="None for calls that no trunk of ours carries.")
    status: CallStatus
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ended_reason: EndedReason | None
    ended_by: EndedBy | None = Field(description="Who made the call end.")
    talk_seconds: float | None
    recording_status: RecordingStatus
    links: CallLinks


class CallPageRead(BaseModel):
    items: list[CallSummary]
    next_cursor: NextCursor


class CallRead(BaseModel):
    call_id: str = Field(examples=["call_01kafz9q0rmx5yt7w2e3n4p5q6"])
    tenant_id: str
    direction: Direction
    provider: Provider
    assistant_id: str | None
    trunk_id: str | None = Field(description="None for calls that no trunk of ours carries.")
    to_number: str | None = Field(description="Whom we called, in E.164.")
    from_number: str | None = Field(description="What they were shown, in E.164.")
    room_name: str
    participant_name: str | None
    language: str | None
    metadata: dict[str, Any]
    status: CallStatus
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ended_reason: EndedReason | None
    ended_by: EndedBy | None
    ended_detail: str | None
    talk_seconds: float | None
    holds: list[Hold]
    recording: CallRecording
    retention: RetentionRead
    legal_hold: LegalHoldRead | None = Field(description="While it stands, nothing is deleted.")
    cost: Cost | None = Field(description="None until the bill is settled.")
    links: CallLinks


class TimelineItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    seq: int = Field(description="Counts from 1 without gaps, in the order of writing.")
    at: datetime = Field(description="On the clock of whoever told it.")
    source: str
    actor: str
    kind: str
    text: str
    data: dict[str, Any]


class Timeline(BaseModel):
    items: list[TimelineItem]


class TranscriptTurn(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    speaker: str = Field(
        description="`caller`, `assistant`, or a further human: `human-2`.", examples=["caller"]
    )
    text: str
    language: str | None
    start: datetime
    end: datetime
    sentiment: dict[str, Any] | None = Field(
        description="VADER's four scores; of English that Media Bot transcribed.",
        examples=[{"neg": 0.0, "neu": 0.5, "pos": 0.5, "compound": 0.44}],
    )
    reason: str | None = Field(
        None, description="Why there is no sentiment, where Media Bot looked for one."
    )


class Transcript(BaseModel):
    items: list[TranscriptTurn]
    delete_after: datetime | None = Field(description="When retention deletes it. None: never.")
    deletion: DeletionRead | None = Field(
        description="Who had it deleted, when and why: then `items` is empty for good."
    )
