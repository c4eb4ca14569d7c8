"""The steps a call's workflow asks for: activity names with what goes in and what comes out.

Workflows know only these (they import no activity), activities register under these names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from contract.calls import CallStatus, Direction, Provider, RecordingStatus, TimelineEntry
from contract.endings import CallEnding
from contract.facts import UsageItem
from contract.identity import AgentRole
from contract.media import CallMedia
from contract.recordings import EgressSeen
from contract.rooms import Gate, MediaCommand, MediaPurpose, Opening


class Step(StrEnum):
    # activities/rooms.py
    OPEN_ROOM = "open_room"
    READ_ROOM_METADATA = "read_room_metadata"
    REMOVE_PARTICIPANT = "remove_participant"
    CLOSE_ROOM = "close_room"
    # activities/agents.py
    DISPATCH_AGENT = "dispatch_agent"
    TELL_ATLAS = "tell_atlas"
    WRITE_TRANSCRIPTION = "write_transcription"
    # activities/call_records.py
    CHOOSE_ASSISTANT = "choose_assistant"
    WRITE_RECORD = "write_record"
    WRITE_RECORDING = "write_recording"
    # activities/billing.py
    SETTLE_BILL = "settle_bill"
    # activities/phone_legs.py and sip_phones.py, each on a task queue of its own
    DIAL_PHONE = "dial_phone"  # DialPhone -> Dialled
    # activities/sip_phones.py
    TRANSFER_PHONE = "transfer_phone"  # TransferPhone -> PhoneTransferred
    PUT_OUT_PHONE = "put_out_phone"  # InRoom -> PhonePutOut
    # activities/media.py
    WRITE_MEDIA = "write_media"  # WriteMedia -> MediaWritten
    # activities/phones.py
    TAKE_LINE = "take_line"  # TakeLine -> LineTaken
    LOOK_FOR_PHONE = "look_for_phone"  # InRoom -> PhoneSeen
    TELL_PHONE = "tell_phone"  # TellPhone -> PhoneTold
    WRITE_HOLD = "write_hold"  # WriteHold -> HoldWritten
    # activities/recording.py
    START_EGRESS = "start_egress"
    FIND_EGRESS = "find_egress"
    STOP_EGRESS = "stop_egress"
    AWAIT_EGRESS_END = "await_egress_end"
    LOOK_AT_EGRESS = "look_at_egress"
    VERIFY_RECORDING = "verify_recording"
    # activities/recording_rescue.py
    RESCUE_RECORDING = "rescue_recording"  # RescueRecording -> RecordingRescued
    # activities/room_watch.py
    WATCH_ROOMS = "watch_rooms"
    # activities/janitor.py
    LOOK_FOR_WHAT_IS_LEFT = "look_for_what_is_left"  # -> LeftBehind
    READ_WHAT_IS_LEFT = "read_what_is_left"  # call id -> CallLeft
    # activities/retention.py; contract/retention.py has what goes in and out
    ERASE_DUE = "erase_due"  # EraseDue -> ErasedPage
    DELETE_RECORDING = "delete_recording"  # DeleteRecording -> RecordingDeleted
    # activities/webhooks.py; contract/webhooks.py has what goes in and out
    SEND_WEBHOOK = "send_webhook"  # SendWebhook -> WebhookSent, on a task queue of its own
    NOTE_WEBHOOK = "note_webhook"  # NoteWebhook


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOrder:
    """One agent to be dispatched."""

    role: AgentRole
    generation: int
    opening: Opening = Opening.FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoom:
    call_id: str
    room_name: str
    assistant_id: str
    agents: tuple[AgentOrder, ...]
    gate: Gate
    human_identity: str
    language: str | None
    adopted: bool  # the room exists already: list dispatches, then create the missing ones
    empty_timeout_seconds: int = 90  # how long LiveKit keeps it without a human


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomOpened:
    room_name: str
    room_sid: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchAgent:
    """Send the next generation in; metadata of the room then names it as the current one."""

    call_id: str
    room_name: str
    assistant_id: str
    agent: AgentOrder
    generations: dict[str, int]  # role -> current generation, after this dispatch
    gate: Gate
    human_identity: str
    language: str | None


@dataclass(frozen=True, slots=True)
class InRoom:
    room_name: str
    identity: str


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """`room_sid` and `call_id` keep a namesake that is not this call's from being closed."""

    room_name: str
    room_sid: str
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellAtlas:
    room_name: str
    identity: str
    method: str
    payload: dict[str, Any] = field(default_factory=dict)
    patience: float = 1.5  # seconds for the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTranscription:
    """Have Media Bot (`identity`) transcribe. The same `command_id` again is no news to it;
    `is_deaf` is for Atlas: nobody hears the call's human at the moment."""

    room_name: str
    identity: str
    language: str  # BCP-47
    command_id: str
    is_deaf: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLine:
    """Wait for a line of the trunk, for at most `patience` seconds. Idempotent: a call that has
    its line keeps it until its row says that it ended."""

    call_id: str
    tenant_id: str
    trunk_id: str
    patience: float


@dataclass(frozen=True, slots=True)
class LineTaken:
    taken: bool
    detail: str = ""  # why not, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteHold:
    """Say on the human's participant who holds: `state` is contract.holds.HoldState.to_json().

    Whether the far side holds stays as it is there: that is the bridge's to say.
    """

    room_name: str
    identity: str
    state: str


@dataclass(frozen=True, slots=True)
class HoldWritten:
    """`seq` is higher than wished where the bridge had used it up, `over` what was there before.
    Not there: nobody to tell."""

    is_there: bool
    seq: int
    over: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteMedia:
    """Order on the human's participant what Media Bot plays (contract.rooms). Idempotent."""

    room_name: str
    identity: str
    command: MediaCommand
    command_id: str
    asset_url: str = field(default="", repr=False)  # may hold a signature
    loop: bool = False
    purpose: MediaPurpose | None = None


@dataclass(frozen=True, slots=True)
class MediaWritten:
    """Not there: nobody to play to."""

    is_there: bool


@dataclass(frozen=True, slots=True)
class ChooseAssistant:
    """`agent_id` as the room's metadata had it; empty or unknown: the default assistant."""

    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantChosen:
    assistant_id: str
    tenant_id: str
    record: bool
    language: str
    max_duration_seconds: float
    transcribe: bool = False
    media: CallMedia | None = None


# ApplicationError type of WRITE_RECORD when the API has withdrawn the call's row.
CALL_UNKNOWN_ERROR = "call-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRecord:
    """What is new about a call; fields that are None stay as they are. Idempotent."""

    call_id: str
    status: CallStatus | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ending: CallEnding | None = None
    talk_seconds: float | None = None
    entries: tuple[TimelineEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRecording:
    """What is new about a call's recording; None stays as it is. Idempotent.

    `entries` go to the call's timeline, so that every attempt and its reason can be read there.
    """

    call_id: str
    status: RecordingStatus
    attempts: int
    egress_id: str | None = None
    detail: str = ""
    object_key: str | None = None
    duration_seconds: float | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    entries: tuple[TimelineEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStay:
    """One generation of an agent in the call; `until` is None of one that stayed to its end."""

    role: AgentRole
    generation: int
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleBill:
    """Times are the facts' own clocks; unanswered calls have no answered_at and cost nothing."""

    call_id: str
    tenant_id: str
    direction: Direction
    provider: Provider
    answered_at: datetime | None
    ended_at: datetime
    settled_at: datetime
    usage: tuple[UsageItem, ...] = ()
    usage_complete: bool = True
    recorded: bool = False  # a recording workflow was started, and writes how it comes out
    usage_missing: tuple[str, ...] = ()  # identities of agents that never reported theirs
    agents: tuple[AgentStay, ...] = ()
    held: timedelta | None = None  # by anybody; None: whoever asks has not counted


@dataclass(frozen=True, slots=True)
class BillSettled:
    total: str  # exact text of a decimal number
    currency: str
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEgress:
    """`given_up`: egresses of this call that never began to record; they are not adopted."""

    call_id: str
    room_name: str
    attempt: int
    given_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EgressById:
    egress_id: str
    room_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRecording:
    call_id: str
    egress: EgressSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingVerified:
    object_key: str
    size_bytes: int
    duration_seconds: float
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueRecording:
    """Look for the files of a call's recording, and bring to the object store what Egress kept in
    its backup storage. `segments`: what Egress said of each that it began."""

    call_id: str
    segments: tuple[EgressSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRescued:
    """`files` are whole and at their place. The rest are sentences: of files that are there and not
    whole, of files that are nowhere, and of how others came to their place."""

    files: tuple[RecordingVerified, ...]
    unusable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchRooms:
    """One shift of the room watch, in seconds."""

    shift: float
    interval: float
