from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from store.api_keys import Role


class KeyRead(BaseModel):
    """Whom the key of this request speaks for."""

    name: str
    role: Role
    tenant_id: str


class InstallationRead(BaseModel):
    version: str = Field(examples=["0.1.0"])
    time: datetime = Field(description="On this API's clock; tokens need clocks that agree.")
    livekit_url: str = Field(description="Where callers join.", examples=["ws://127.0.0.1:7880"])
    key: KeyRead


class ProbedPart(BaseModel):
    name: Literal["worker", "atlas", "media-bot", "livekit_webhooks"]
    ok: bool
    detail: str = Field("", description="What is wrong, and what to do about it.")
    data: dict[str, Any] = Field(default_factory=dict, description="What the part says of itself.")


class Probe(BaseModel):
    parts: list[ProbedPart]
