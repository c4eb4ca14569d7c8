"""What LiveKit's SIP API says when nobody is to be talked to (livekit_observed.md, section 1a)."""

from __future__ import annotations

import base64

from google.protobuf.any_pb2 import Any
from livekit import rtc
from livekit.protocol.sip import SIPStatus

from bridge.legs import LegEnd
from sandbox.twirp import TwirpError

_Reason = rtc.DisconnectReason
_PREFIX = "twirp error unknown: "

_CODES = {
    **dict.fromkeys((480, 486, 600), "resource_exhausted"),
    **dict.fromkeys((404, 410, 604), "not_found"),
    **dict.fromkeys((408, 504), "deadline_exceeded"),
    603: "permission_denied",
}
# livekit-sip has two sentences; these get the shorter one.
_ORDINARY = (400, 404, 480, 486, 488)
_REASONS = {
    480: _Reason.USER_UNAVAILABLE,
    486: _Reason.USER_REJECTED,
    603: _Reason.USER_REJECTED,
}


def failed(code: str, words: str, status: SIPStatus | None = None) -> TwirpError:
    """With the far side's status, livekit.api makes a SipCallError of it."""
    if status is None:
        return TwirpError(code, _PREFIX + words)
    packed = Any()
    packed.Pack(status)
    details = base64.b64encode(packed.SerializeToString()).decode()
    return TwirpError(
        code,
        f"{_PREFIX}{words}: sip status: {int(status.code)}: {status.status}",
        metadata={
            "error_details": details,
            "sip_status_code": str(int(status.code)),
            "sip_status": status.status,
        },
    )


def given_up() -> TwirpError:
    """Nobody answered in time, or the participant was removed while it rang."""
    return failed("canceled", "sip request timed out")


def refused(status: int, phrase: str) -> TwirpError:
    words = "INVITE failed" if status in _ORDINARY else "unexpected status from INVITE response"
    return failed(code_of(status), words, SIPStatus(code=status, status=phrase))  # type: ignore[arg-type]


def not_transferred(status: int, phrase: str) -> TwirpError:
    told = SIPStatus(code=status, status=phrase)  # type: ignore[arg-type]
    return failed(code_of(status), "call transfer failed", told)


def code_of(status: int) -> str:
    return _CODES.get(status, "failed_precondition" if 500 <= status < 600 else "invalid_argument")


def not_answered(end: LegEnd) -> tuple[TwirpError, _Reason.ValueType]:
    """For a leg that ended by itself: the API's answer, and why the participant leaves."""
    status = end.sip_status or 0
    if end.by == "them" and status >= 300:
        return refused(status, end.phrase), _REASONS.get(status, _Reason.CLIENT_INITIATED)
    if end.answered:
        return failed("internal", "the answer cannot be used"), _Reason.CLIENT_INITIATED
    if end.reason == "unauthorized":
        words = "server required auth, but no username or password was provided"
        return failed("failed_precondition", words), _Reason.CLIENT_INITIATED
    return failed("canceled", "transaction failed to complete"), _Reason.CLIENT_INITIATED
