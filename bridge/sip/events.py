"""What a user agent tells whoever runs its calls. Every event names its call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bridge.sip.call import Call


@dataclass(frozen=True, slots=True)
class CallEnd:
    """The one truthful end of a call."""

    by: Literal["us", "them", "network"]
    reason: str
    """A kebab word: hung-up, cancelled, no-answer, busy, rejected, invalid-number, blocked,
    unauthorized, not-acceptable, redirected, server-error, refused, no-response, unreachable,
    connection-lost, ack-timeout, session-expired, dialog-lost, no-session (an answer without
    SDP), prack-timeout, expired."""
    answered: bool
    """Whether there was a 200 to the INVITE, ours or theirs: what a carrier bills."""
    sip_status: int | None = None
    """The final status of the INVITE, when there was one."""
    phrase: str = ""
    reason_header: str | None = None
    """The far side's Reason header (RFC 3326), as it was written."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """Somebody calls. `offer` is None when they leave the offer to us (RFC 3264 section 4)."""

    call: Call
    offer: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A provisional answer to our INVITE, 101 to 199. `sdp` is early media's answer."""

    call: Call
    status: int
    phrase: str
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx to our INVITE. `sdp` answers our offer; `is_offer`: there was none of ours, so it is
    the far side's offer, and the ACK waits for `call.answer(sdp)`."""

    call: Call
    sdp: str
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The ACK of our 2xx arrived (incoming calls)."""

    call: Call


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """A re-INVITE, or an UPDATE with SDP: answer with `call.answer` or `call.refuse_offer`, at
    once. `sdp` is None when they ask us for an offer: `call.answer(our offer)`, and the answer
    comes as OfferAnswered."""

    call: Call
    sdp: str | None


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The answer to an offer of ours, wherever it stood (2xx, ACK, PRACK)."""

    call: Call
    sdp: str


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """An offer came to nothing, ours (refused by `status`; 0: no answer in their ACK) or theirs
    (487: withdrawn). The session stays as it was before."""

    call: Call
    status: int


@dataclass(frozen=True, slots=True)
class Dtmf:
    """One digit by INFO (application/dtmf-relay or application/dtmf)."""

    call: Call
    digit: str
    ms: int


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """They ask us to call `target` (a SIP URI): `call.accept_refer` or `call.refuse_refer`."""

    call: Call
    target: str
    replaces: bool = False
    """Whether the target names a dialog to replace: an attended transfer (RFC 3891)."""


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """How our REFER does: the status of the far side's new call by NOTIFY, or of its refusal."""

    call: Call
    status: int
    phrase: str
    final: bool


@dataclass(frozen=True, slots=True)
class Reattached:
    """The connection was lost and the dialog is found again on another one."""

    call: Call


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a call; exactly one, always."""

    call: Call
    end: CallEnd


Event = (
    IncomingCall
    | Progress
    | Answered
    | Confirmed
    | OfferReceived
    | OfferAnswered
    | OfferFailed
    | Dtmf
    | ReferReceived
    | ReferProgress
    | Reattached
    | Ended
)
