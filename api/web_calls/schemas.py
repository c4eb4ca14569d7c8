from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.fields import Language, Metadata, Strict
from api.links import CallLinks


class WebCallRequest(Strict):
    assistant_id: str = Field(
        min_length=1, max_length=64, description="Who answers.", examples=["demo"]
    )
    participant_name: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = (
        Field(None, description="Shown to others in the room.", examples=["Ada"])
    )
    language: Language | None = Field(
        None, description="Overrides the assistant's language.", examples=["en-US"]
    )
    record: bool | None = Field(None, description="Overrides the assistant's setting.")
    metadata: Metadata = Field(
        default_factory=dict,
        description="Kept with the call and returned with it; at most 4 KiB of JSON.",
        examples=[{"order": "A-17"}],
    )


class WebCallToken(BaseModel):
    call_id: str = Field(examples=["call_01kafz9q0rmx5yt7w2e3n4p5q6"])
    room_name: str = Field(description="The LiveKit room; it exists already.")
    token: str = Field(description="Opens that room once within ten minutes.")
    url: str = Field(description="The LiveKit server to join.", examples=["ws://127.0.0.1:7880"])
    participant_identity: str = Field(examples=["caller"])
    links: CallLinks
