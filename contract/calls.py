"""What a call is asked to be, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from contract.endings import EndedBy, EndedReason
from contract.identity import CALLER_IDENTITY


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
