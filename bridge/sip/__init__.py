"""SIP signalling (RFC 3261 and friends) without sockets, for INVITE dialogs, on sipmessage."""

from bridge.sip.call import Call
from bridge.sip.events import (
    Answered,
    CallEnd,
    Confirmed,
    Dtmf,
    Ended,
    Event,
    IncomingCall,
    OfferAnswered,
    OfferFailed,
    OfferReceived,
    Progress,
    Reattached,
    ReferProgress,
    ReferReceived,
)
from bridge.sip.flow import Address, Flow, Outgoing, Transport
from bridge.sip.framing import Framer, FramingError, KeepAlive, MessageLimits
from bridge.sip.ids import Ids
from bridge.sip.settings import Challenge, Credentials, Limits, Timers, UserAgentSettings
from bridge.sip.user_agent import UserAgent

__all__ = [
    "Address",
    "Answered",
    "Call",
    "CallEnd",
    "Challenge",
    "Confirmed",
    "Credentials",
    "Dtmf",
    "Ended",
    "Event",
    "Flow",
    "Framer",
    "FramingError",
    "Ids",
    "IncomingCall",
    "KeepAlive",
    "Limits",
    "MessageLimits",
    "OfferAnswered",
    "OfferFailed",
    "OfferReceived",
    "Outgoing",
    "Progress",
    "Reattached",
    "ReferProgress",
    "ReferReceived",
    "Timers",
    "Transport",
    "UserAgent",
    "UserAgentSettings",
]
