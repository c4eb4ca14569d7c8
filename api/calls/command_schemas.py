"""What operators have a call do, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.fields import AssetUrl, Language, Strict
from api.links import CallLinks
from api.phone_numbers import CallableNumber, Keys
from contract.endings import EndedBy, EndedReason
from contract.holds import Holder

_Reason = Annotated[str, Field(max_length=500)]


class HangupRequest(Strict):
    reason: _Reason = Field("", description="For the timeline; not for the caller.")


class HangupRead(BaseModel):
    call_id: str
    ended_reason: EndedReason
    ended_by: EndedBy
    links: CallLinks


class HoldRequest(Strict):
    reason: _Reason = Field("", description="For the timeline; not for the caller.")


class ResumeRequest(HoldRequest):
    holder: Literal[Holder.OPERATOR, Holder.ASSISTANT] = Field(
        Holder.OPERATOR, description="Whose hold ends: an operator's, or the assistant's own."
    )


class PlayRequest(Strict):
    asset_url: AssetUrl = Field(repr=False)
    loop: bool = Field(False, description="Again and again, until it is stopped.")


class PlayRead(BaseModel):
    call_id: str
    command_id: str = Field(
        description="As the timeline's `playback_…` entries name it.", examples=["media-1"]
    )
    links: CallLinks


class StopPlayingRead(BaseModel):
    call_id: str
    links: CallLinks


class HoldRead(BaseModel):
    call_id: str
    holders: tuple[Holder, ...] = Field(
        description="Who holds now; the call is on hold while anybody does.",
        examples=[["operator"]],
    )
    links: CallLinks


class LanguageRequest(Strict):
    language: Language


class LanguageRead(BaseModel):
    call_id: str
    language: str = Field(description="Of the transcription, from here on.", examples=["de"])
    links: CallLinks


class DtmfRequest(Strict):
    digits: Keys = Field(repr=False)


class DtmfRead(BaseModel):
    call_id: str
    keys: int = Field(description="How many; pauses are none.", examples=[4])
    links: CallLinks


class TransferRequest(Strict):
    to: CallableNumber = Field(
        repr=False,
        description="Whom to hand the call on to, in E.164.",
        examples=["+12025550123"],
    )


class TransferRead(BaseModel):
    call_id: str
    sip_status: int = Field(description="What the far side said of it; 2xx.", examples=[200])
    sip_phrase: str = Field(examples=["OK"])
    links: CallLinks
