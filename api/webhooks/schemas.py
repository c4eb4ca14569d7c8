from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from api.fields import Strict
from api.http_url import is_http_url
from api.pages import NextCursor
from contract.webhooks import DeliveryStatus, EventType

_DAY = 24 * 3600


class WebhookUpdate(Strict):
    url: Annotated[str, AfterValidator(is_http_url)] = Field(
        max_length=2048,
        description="Where events are sent: at a public address, unless this installation allows "
        "another; shown to whoever reads the webhook, so no secret belongs in it.",
        examples=["https://crm.example/switchboard"],
    )
    events: list[EventType] = Field(
        min_length=1,
        max_length=len(EventType),
        json_schema_extra={"uniqueItems": True},
        description="Of what it is told.",
        examples=[["call.ended", "call.report.ready"]],
    )
    description: str = Field("", max_length=256, description="For people.")
    enabled: bool = Field(
        True, description="Off: it is told nothing, and what is on its way ends as a dead letter."
    )

    @field_validator("events")
    @classmethod
    def _names_each_once(cls, events: list[EventType]) -> list[EventType]:
        if len(set(events)) != len(events):
            raise ValueError("names an event twice")
        return events


class WebhookCreate(WebhookUpdate):
    pass


class WebhookRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["hook_5b2f9d1c3e7a8064"])
    url: str
    events: list[EventType]
    description: str
    enabled: bool
    disabled_reason: str | None = Field(description="Why we disabled it; none: you did.")
    previous_secret_until: datetime | None = Field(
        description="Until then events are signed with the secret before the last rotation, too."
    )
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(WebhookRead):
    secret: str = Field(
        description="Shown this once. Standard Webhooks' libraries take it as it is.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class WebhookList(BaseModel):
    items: list[WebhookRead]
    next_cursor: NextCursor


class Rotation(Strict):
    overlap_seconds: int = Field(
        _DAY,
        ge=0,
        le=7 * _DAY,
        description="So long events are signed with the secret of before as well.",
    )


class AttemptRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="Counts from 1.")
    at: datetime
    seconds: float = Field(description="How long it took.")
    http_status: int | None = Field(description="None: there was no answer.")
    answer: str = Field(description="The first 2 kB of the answer's body.")
    detail: str = Field(description="What it came to, in words.", examples=["It answered 503."])


class DeliveryRead(BaseModel):
    id: str = Field(examples=["whd_mfrggzdfmztwq2lknnwg23tpob"])
    webhook_id: str
    event_id: str = Field(
        description="Sent as `webhook-id`: the same for each attempt and each redelivery.",
        examples=["evt_mfrggzdfmztwq2lknnwg23tpob"],
    )
    event_type: EventType
    call_id: str
    status: DeliveryStatus = Field(description="`dead`: given up; it can be redelivered.")
    detail: str = Field(description="What the last attempt came to.")
    number: int = Field(description="2 and more: the event was delivered again on request.")
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None
    attempts: list[AttemptRead]


class DeliveryList(BaseModel):
    items: list[DeliveryRead]
    next_cursor: NextCursor
