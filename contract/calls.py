"""What a call is asked to be, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from contract.endings import EndedBy, EndedReason
from contract.holds import Holder
from contract.identity import CALLER_IDENTITY
from contract.media import CallMedia
from contract.phone import PhoneOrder


class Direction(StrEnum):
    WEB = "web"
    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Provider(StrEnum):
    """What carries the human's audio to LiveKit."""

    WEB = "web"
    BRIDGE = "bridge"
    LIVEKIT_SIP = "livekit_sip"


class CallStatus(StrEnum):
    """Only ever moves forward, except that `on_hold` and `in_progress` alternate."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    ENDED = "ended"


class RecordingStatus(StrEnum):
    NOT_REQUESTED = "not_requested"
    PENDING = "pending"
    RECORDING = "recording"
    FINALISING = "finalising"
    READY = "ready"
    NEEDS_ATTENTION = "needs_attention"
    LOST = "lost"
    DELETED = "deleted"


RECORDING_UNDER_WAY = frozenset({RecordingStatus.PENDING, RecordingStatus.RECORDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """The input of one call workflow.

    `adopted` says that somebody else made the room; then `assistant_id` may be None and the
    workflow finds it in the room's metadata.
    """

    call_id: str
    tenant_id: str
    direction: Direction
    provider: Provider
    room_name: str
    requested_at: datetime
    assistant_id: str | None = None
    adopted: bool = False
    human_identity: str = CALLER_IDENTITY
    language: str | None = None
    record: bool = False
    max_duration_seconds: float = 3600.0
    max_hold_seconds: float = 1800.0
    transcribe: bool = False  # live, by Media Bot
    phone: PhoneOrder | None = None  # of outbound calls over a trunk of kind `bridge`
    media: CallMedia | None = None  # None: of calls that began before there was any


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """The result of one call workflow."""

    call_id: str
    ended_reason: EndedReason
    ended_by: EndedBy
    detail: str
    talk_seconds: float
    recording_requested: bool


@dataclass(frozen=True, slots=True)
class HangupCommand:
    """An operator's wish to end the call. `reason` is free text for the timeline."""

    requested_by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HangupAnswer:
    ended_reason: EndedReason
    ended_by: EndedBy


@dataclass(frozen=True, slots=True)
class HoldCommand:
    """Update `hold` and update `resume`: an operator's."""

    requested_by: str
    reason: str = ""
    holder: Holder = Holder.OPERATOR


@dataclass(frozen=True, slots=True)
class HoldAnswer:
    """Who holds now; the call is held while somebody does."""

    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayCommand:
    """Update `play`: a clip for the human, beside the conversation."""

    requested_by: str
    asset_url: str = field(repr=False)  # may hold a signature
    loop: bool = False


@dataclass(frozen=True, slots=True)
class PlayAnswer:
    """`media.command_id` of the play, as the timeline tells what becomes of it."""

    command_id: str


@dataclass(frozen=True, slots=True)
class StopPlayingCommand:
    """Update `stop_playing`: ends the clip, if there is one."""

    requested_by: str


@dataclass(frozen=True, slots=True)
class LanguageCommand:
    """Update `language`: what is spoken from here on, for the transcription. BCP-47."""

    requested_by: str
    language: str


@dataclass(frozen=True, slots=True)
class LanguageAnswer:
    language: str


@dataclass(frozen=True, slots=True)
class DtmfCommand:
    """Update `dtmf`."""

    requested_by: str
    digits: str = field(repr=False)  # may be a card's number


@dataclass(frozen=True, slots=True)
class TransferCommand:
    """Update `transfer`: hand the phone on to another number, and leave."""

    requested_by: str
    to_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TransferAnswer:
    """What the far side said of it (RFC 3515); 2xx: it got there."""

    sip_status: int
    sip_phrase: str


@dataclass(frozen=True, slots=True)
class RoomReady:
    """The answer that the API's caller waits for: the room exists, agents are on their way."""

    room_name: str
    room_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of a call's timeline; `(source, source_seq)` is unique within a call."""

    source: str
    source_seq: int
    at: datetime
    actor: str
    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)
