"""What LiveKit SIP says when a phone was not reached (livekit_observed.md section 1)."""

from __future__ import annotations

from datetime import UTC, datetime

from livekit import api
from temporalio.exceptions import ApplicationError

from activities.store_errors import not_dialled
from bridge.ladder.masking import mask_text
from contract.phone import LegReport, NotDialled, PhoneTransferred

_LONGEST_SENTENCE = 200
# Nothing was sent when LiveKit itself refuses; what a far side refuses has a SIP status with it.
_NOT_DIALLED = {
    "invalid_argument": (NotDialled.TRUNK_UNUSABLE, "LiveKit SIP cannot make this call"),
    "malformed": (NotDialled.TRUNK_UNUSABLE, "LiveKit SIP cannot make this call"),
    "unauthenticated": (NotDialled.SIP_AWAY, "LiveKit SIP does not take our key"),
    "permission_denied": (NotDialled.SIP_AWAY, "LiveKit SIP does not take our key"),
    "unimplemented": (NotDialled.SIP_AWAY, "There is no LiveKit SIP"),
    "bad_route": (NotDialled.SIP_AWAY, "There is no LiveKit SIP"),
    "unavailable": (NotDialled.SIP_AWAY, "No LiveKit SIP takes the call"),
}
_NO_REDIS = "sip not connected"  # a server without Redis knows no gateways
_BUSY = "exhausted"  # "cpu exhausted"
# By LiveKit SIP's own clock; or somebody removed the phone, of which the room tells.
_CANCELED = "canceled"


def refusal_of(error: api.ServerError, *, rang_out: bool) -> LegReport:
    """How the leg ended that never was. `rang_out`: it rang as long as it may.

    Raises ApplicationError: of a type of NotDialled when nothing was sent, of another when nobody
    knows."""
    now = datetime.now(UTC)
    if isinstance(error, api.SipCallError) and (error.sip_status_code or 0) >= 300:
        status, phrase = error.sip_status_code or 0, mask_text(error.sip_status or "")
        return LegReport(
            reason="refused",
            by="them",
            detail=f"The far side answered {status} {phrase}".rstrip() + ".",
            answered=False,
            ended_at=now,
            sip_status=status,
            sip_phrase=phrase,
        )
    if error.code == _CANCELED and rang_out:
        return LegReport(
            reason="no-answer",
            by="us",
            detail="Nobody answered in time.",
            answered=False,
            ended_at=now,
        )
    said = mask_text(error.message)[:_LONGEST_SENTENCE]
    if error.code == "unavailable" and _BUSY in error.message:
        raise not_dialled(NotDialled.SIP_BUSY, f"No LiveKit SIP has room for the call: {said}.")
    if error.code in _NOT_DIALLED or _NO_REDIS in error.message:
        why, words = _NOT_DIALLED.get(error.code, _NOT_DIALLED["unavailable"])
        raise not_dialled(why, f"{words}: {said}.")
    raise ApplicationError(f"LiveKit SIP failed: {said} ({error.code})", type="livekit-sip-failed")


def answer_to_transfer(error: api.SipCallError) -> PhoneTransferred:
    """Of a transfer that did not get there."""
    reason = (error.sip_transfer_reason or "").removeprefix("STR_").replace("_", " ").lower()
    phrase = error.sip_status or reason
    return PhoneTransferred(
        sip_status=max(error.sip_status_code or 500, 300), sip_phrase=mask_text(phrase)
    )
