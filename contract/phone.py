"""A phone leg, as the Call Service orders it and as the bridge reports it (design section 5.4).

Numbers are E.164; times are the bridge's clock, UTC. Nothing here is ever an id or a label.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from contract.identity import PHONE_IDENTITY

# Keys of a telephone (RFC 4733 section 3.2); `w` waits half a second, as LiveKit's `dtmf` does.
PAUSE = "w"
DTMF_KEYS = "0123456789*#ABCD" + PAUSE
LONGEST_DTMF = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneOrder:
    """Whom to call, over which trunk. The trunk's address and password stay in the store."""

    trunk_id: str
    to_number: str = field(repr=False)
    from_number: str | None = field(default=None, repr=False)  # None: the trunk's own
    ringing_timeout_seconds: float = 30.0
    queue_seconds: float = 0.0  # how long the call may wait for a free line of the trunk
    dtmf: str = ""  # keys to press once it is answered
    headers: dict[str, str] = field(default_factory=dict)  # of the INVITE: X- headers only
    attributes: dict[str, str] = field(default_factory=dict)  # of the participant, beside sip.*
    # Whoever takes DIAL_PHONE there dials: the bridges' queue (BRIDGE_TASK_QUEUE) for trunks of
    # kind `bridge`, one beside the calls' own for those of LiveKit SIP.
    task_queue: str = "bridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPhone:
    """Input of DIAL_PHONE. `max_duration_seconds` is the leg's own last resort: the workflow's
    limit comes first, unless nobody can reach the workflow any more."""

    call_id: str
    tenant_id: str
    room_name: str
    phone: PhoneOrder
    max_duration_seconds: float


class NotDialled(StrEnum):
    """ApplicationError types of TAKE_LINE and DIAL_PHONE: nothing was sent to anybody."""

    TRUNK_GONE = "trunk-gone"
    TRUNK_DISABLED = "trunk-disabled"
    TRUNK_UNUSABLE = "trunk-unusable"  # its password, its address, or ours
    TRUNK_BUSY = "trunk-busy"  # more calls than it may start wait for their second
    ROOM_GONE = "room-gone"
    LIVEKIT_AWAY = "livekit-away"
    SIP_AWAY = "sip-away"  # LiveKit SIP: it is not there, or does not take our key
    SIP_BUSY = "sip-busy"  # LiveKit SIP: no gateway has room for another call
    STORE_AWAY = "store-away"
    CALL_OVER = "call-over"  # its row ended, or was withdrawn
    SHUTDOWN = "shutdown"


# DIAL_PHONE's, when the room has a phone already: somebody dialled before.
PHONE_THERE_ERROR = "phone-there"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegReport:
    """The one truthful end of a leg: the `data` of LEG_ENDED.

    `reason` is one of the bridge's kebab words (`contract.endings.ending_from_leg` knows them),
    `by` is `us`, `them` or `network`. `answered` says that there was a 2xx, even one that crossed
    our CANCEL: that is what a carrier bills.
    """

    reason: str
    by: str
    detail: str
    answered: bool
    ended_at: datetime
    answered_at: datetime | None = None
    ringing_at: datetime | None = None
    sip_status: int | None = None
    sip_phrase: str = ""
    reason_header: str = ""
    quality: dict[str, Any] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        return asdict(self) | {
            name: moment.isoformat() if moment else None
            for name, moment in (
                ("ended_at", self.ended_at),
                ("answered_at", self.answered_at),
                ("ringing_at", self.ringing_at),
            )
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> LegReport:
        """Raises ValueError, TypeError or KeyError for what no bridge says."""
        status, quality = data.get("sip_status"), data.get("quality")
        return cls(
            reason=str(data["reason"]),
            by=str(data.get("by", "network")),
            detail=str(data.get("detail", "")),
            answered=bool(data["answered"]),
            ended_at=_moment(data["ended_at"]),
            answered_at=_moment(data["answered_at"]) if data.get("answered_at") else None,
            ringing_at=_moment(data["ringing_at"]) if data.get("ringing_at") else None,
            sip_status=None if status is None else int(status),
            sip_phrase=str(data.get("sip_phrase") or ""),
            reason_header=str(data.get("reason_header") or ""),
            quality=quality if isinstance(quality, dict) else {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """What came of an INVITE. Exactly one of the two is given."""

    answered_at: datetime | None = None
    refused: LegReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSeen:
    """Result of LOOK_FOR_PHONE: what the room says of the phone, when nobody else can."""

    is_there: bool
    state: str = ""  # contract.rooms.PhoneState, or empty: not even ringing yet


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPhone:
    """One RPC to the phone's participant, or to who serves it in its stead: of a phone of LiveKit
    SIP, which serves none, Atlas does (contract.rooms.PhoneRpc)."""

    room_name: str
    method: str
    payload: dict[str, Any] = field(default_factory=dict)
    identity: str = PHONE_IDENTITY


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneTold:
    """`is_there` False: no such participant, so there is nothing left to tell."""

    is_there: bool
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePutOut:
    """Result of PUT_OUT_PHONE: whether this was what hung up, and when."""

    was_there: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPhone:
    """Input of TRANSFER_PHONE: hand a phone of LiveKit SIP on to another number (RFC 3515)."""

    tenant_id: str
    trunk_id: str
    room_name: str
    to_number: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneTransferred:
    """What the far side said of it; 2xx: it got there."""

    sip_status: int
    sip_phrase: str


def keys_take(digits: str) -> float:
    """Seconds, at most, that pressing them takes."""
    return 0.5 * len(digits)


def check_dtmf(digits: str) -> str:
    """Raises ValueError with a sentence."""
    if not digits.strip(PAUSE):
        raise ValueError("no key is given")
    if len(digits) > LONGEST_DTMF:
        raise ValueError(f"more than {LONGEST_DTMF} keys")
    if wrong := sorted(set(digits) - set(DTMF_KEYS)):
        raise ValueError(f"{''.join(wrong)!r} is on no telephone; use {DTMF_KEYS}")
    return digits


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
