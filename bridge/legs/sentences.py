"""Ends of legs in words for people."""

from __future__ import annotations

from bridge.sip import CallEnd

_SENTENCES = {
    "hung-up": {"us": "We hung up.", "them": "The far side hung up."},
    "cancelled": {"us": "We gave up before there was an answer.", "them": "The caller gave up."},
    "no-answer": {"us": "Nobody answered in time.", "them": "Nobody answered."},
    "busy": {"them": "The far side is busy.", "us": "We were busy."},
    "rejected": {"them": "The far side rejected the call.", "us": "We rejected the call."},
    "no-session": {"": "The far side answered without saying where its audio is (no SDP)."},
    "no-response": {"": "Nobody answered our requests."},
    "unreachable": {"": "There is no way to the far side."},
    "connection-lost": {"": "The signalling connection was lost and did not come back."},
    "ack-timeout": {"": "The far side never confirmed our answer (no ACK)."},
    "session-expired": {"": "The session timer ran out."},
    "dialog-lost": {"": "The far side does not know the call any more."},
    "expired": {"": "The caller's INVITE expired."},
    "unauthorized": {"": "Our credentials were not accepted."},
    "not-acceptable": {"": "There is no codec that both sides have."},
}


def sentence_about(end: CallEnd) -> str:
    known = _SENTENCES.get(end.reason, {})
    sentence = known.get(end.by) or known.get("")
    if sentence is None:
        sentence = f"The call ended: {end.reason.replace('-', ' ')}."
    if end.sip_status is not None and end.sip_status >= 300:
        sentence += f" SIP {end.sip_status} {end.phrase}".rstrip() + "."
    return sentence
