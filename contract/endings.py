"""How a call can end. Every call ends in exactly one `CallEnding` (design section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contract.phone import LegReport


class EndedReason(StrEnum):
    CALLER_HUNG_UP = "caller_hung_up"
    CALLEE_HUNG_UP = "callee_hung_up"
    ASSISTANT_HUNG_UP = "assistant_hung_up"
    OPERATOR_HUNG_UP = "operator_hung_up"
    OPERATOR_TERMINATED = "operator_terminated"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    CARRIER_BLOCKED = "carrier_blocked"
    CANCELLED = "cancelled"
    CAPACITY = "capacity"
    SILENCE_TIMEOUT = "silence_timeout"
    MAX_DURATION = "max_duration"
    MAX_HOLD = "max_hold"
    SPEND_LIMIT = "spend_limit"
    MACHINE_DETECTED = "machine_detected"
    TRANSFERRED = "transferred"
    MEDIA_TIMEOUT = "media_timeout"
    ASSISTANT_FAILED = "assistant_failed"
    PROVIDER_ERROR = "provider_error"
    PLATFORM_ERROR = "platform_error"


class EndedBy(StrEnum):
    """The blame: who made the call end."""

    CALLER = "caller"
    CALLEE = "callee"
    ASSISTANT = "assistant"
    OPERATOR = "operator"
    CARRIER = "carrier"
    PROVIDER = "provider"
    PLATFORM = "platform"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallEnding:
    """The one truthful end of a call; `detail` is a sentence for people, without personal data."""

    reason: EndedReason
    ended_by: EndedBy
    detail: str = ""


# SIP final status (RFC 3261 section 21) to reason and blame. 487 is ours to interpret: it answers
# our own CANCEL, so it means what made us cancel (no_answer or cancelled), not the callee's wish.
_BY_SIP_STATUS: dict[int, tuple[EndedReason, EndedBy]] = {
    403: (EndedReason.CARRIER_BLOCKED, EndedBy.CARRIER),
    404: (EndedReason.INVALID_NUMBER, EndedBy.CARRIER),
    408: (EndedReason.NO_ANSWER, EndedBy.CALLEE),
    410: (EndedReason.INVALID_NUMBER, EndedBy.CARRIER),
    480: (EndedReason.NO_ANSWER, EndedBy.CALLEE),
    484: (EndedReason.INVALID_NUMBER, EndedBy.CARRIER),
    486: (EndedReason.BUSY, EndedBy.CALLEE),
    487: (EndedReason.CANCELLED, EndedBy.PLATFORM),
    488: (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    503: (EndedReason.CARRIER_BLOCKED, EndedBy.CARRIER),
    600: (EndedReason.BUSY, EndedBy.CALLEE),
    603: (EndedReason.REJECTED, EndedBy.CALLEE),
    604: (EndedReason.INVALID_NUMBER, EndedBy.CARRIER),
    607: (EndedReason.CARRIER_BLOCKED, EndedBy.CARRIER),
}


def ending_from_sip_status(status: int, phrase: str = "") -> CallEnding:
    """What a final SIP answer to our INVITE means for the call."""
    if status < 300:
        raise ValueError(f"{status} is not a refusal")
    reason, ended_by = _BY_SIP_STATUS.get(status, (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER))
    return CallEnding(reason, ended_by, f"The far side answered {status} {phrase}".rstrip() + ".")


# Ends of a leg that SIP's statuses do not tell, by the bridge's own words.
_BY_LEG_REASON: dict[str, tuple[EndedReason, EndedBy]] = {
    "no-answer": (EndedReason.NO_ANSWER, EndedBy.CALLEE),  # our ringing limit
    "cancelled": (EndedReason.CANCELLED, EndedBy.PLATFORM),
    "media-timeout": (EndedReason.MEDIA_TIMEOUT, EndedBy.UNKNOWN),
    "max-duration": (EndedReason.MAX_DURATION, EndedBy.PLATFORM),
    "transferred": (EndedReason.TRANSFERRED, EndedBy.OPERATOR),
    # Somebody removed the phone, or its room, in LiveKit.
    "removed": (EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR),
    "room-closed": (EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR),
    "room-lost": (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    "shutdown": (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    "no-media": (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    "failed": (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    "connection-lost": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "unreachable": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "no-response": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "ack-timeout": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "session-expired": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "dialog-lost": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "no-session": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    "unusable-answer": (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
}


def ending_from_leg(leg: LegReport) -> CallEnding:
    """What the end of a phone leg means for its call."""
    if leg.reason in _BY_LEG_REASON:
        return CallEnding(*_BY_LEG_REASON[leg.reason], leg.detail)
    if not leg.answered and leg.sip_status is not None and leg.sip_status >= 300:
        return ending_from_sip_status(leg.sip_status, leg.sip_phrase)
    if leg.by == "them":
        return CallEnding(EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE, leg.detail)
    return CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN, leg.detail)
