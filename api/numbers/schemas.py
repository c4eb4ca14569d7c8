from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.fields import AssistantId, Strict, TrunkId
from api.pages import NextCursor
from api.phone_numbers import PhoneNumber


class NumberUpdate(Strict):
    """Where calls to a number go."""

    assistant_id: AssistantId = Field(description="Who answers.", examples=["demo"])
    trunk_id: TrunkId | None = Field(
        None, description="The trunk its calls come through; left out: any.", examples=["mumbai"]
    )
    label: Annotated[str, StringConstraints(max_length=128)] = Field("", examples=["Front desk"])
    enabled: bool = Field(True, description="Off: calls to it are not answered.")


class NumberCreate(NumberUpdate):
    number: PhoneNumber = Field(description="The number that is called.", examples=["+12025550123"])


class NumberRead(NumberUpdate):
    number: str = Field(examples=["+12025550123"])
    created_at: datetime
    updated_at: datetime


class NumberList(BaseModel):
    items: list[NumberRead]
    next_cursor: NextCursor
