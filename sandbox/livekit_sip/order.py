"""What a CreateSIPParticipantRequest asks for, checked as far as that needs no network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

from google.protobuf.duration_pb2 import Duration
from livekit.protocol.sip import (
    CreateSIPParticipantRequest,
    SIPMediaEncryption,
    SIPOutboundConfig,
    SIPTransport,
)

from bridge.legs import Target
from bridge.sip import Credentials
from bridge.sip.extra_headers import checked, checked_address
from contract.rooms import SipAttribute
from sandbox.livekit_sip.trunks import Trunks
from sandbox.twirp import TwirpError, new_id

# What livekit-sip takes where nothing is asked for, and the most that it grants.
_RINGING = 180.0
_LONGEST = 24 * 3600.0
_WAYS = {
    SIPTransport.SIP_TRANSPORT_AUTO: "udp",
    SIPTransport.SIP_TRANSPORT_UDP: "udp",
    SIPTransport.SIP_TRANSPORT_TCP: "tcp",
    SIPTransport.SIP_TRANSPORT_TLS: "tls",
}
_DIGITS = re.compile(r"[0-9*#A-Dw]*")
# Somebody else than asked for must not be called.
_NOT_DONE = ("sip_request_uri", "sip_to_header", "sip_from_header")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One participant to be had, and one telephone to be called."""

    call_id: str  # SCL_...
    room_name: str
    identity: str
    name: str
    metadata: str
    attributes: dict[str, str] = field(repr=False)  # at first, with livekit-sip's own
    target: str = field(repr=False)
    caller: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    credentials: Credentials | None = field(repr=False)
    dtmf: str = field(repr=False)
    ringing_timeout: float
    max_duration: float
    media_timeout: float | None  # the gateway's own if None
    waits: bool

    @classmethod
    def of(cls, asked: CreateSIPParticipantRequest, trunks: Trunks, address: str) -> Self:
        """`address`: ours, of which callers are. Raises TwirpError."""
        trunk, number = _way_out(asked, trunks)
        _require(asked)
        call_id = new_id("SCL")
        way = _WAYS.get(trunk.transport, "udp")
        target = f"sip:{asked.sip_call_to}@{trunk.hostname};transport={way}"
        caller = _caller(asked.display_name, number, trunk.from_host or address)
        try:
            Target.parse(target)
            checked_address(caller)
            headers = checked(dict(asked.headers))
        except ValueError as wrong:
            raise TwirpError("invalid_argument", str(wrong)) from None
        return cls(
            call_id=call_id,
            room_name=asked.room_name,
            identity=asked.participant_identity or f"sip_{asked.sip_call_to}",
            name=asked.participant_name,
            metadata=asked.participant_metadata,
            attributes=_attributes(asked, call_id, trunk.hostname, number),
            target=target,
            caller=caller,
            headers=headers,
            credentials=Credentials(trunk.auth_username, trunk.auth_password)
            if trunk.auth_username
            else None,
            dtmf=asked.dtmf,
            ringing_timeout=_seconds(asked.ringing_timeout) or _RINGING,
            max_duration=min(_seconds(asked.max_call_duration) or _LONGEST, _LONGEST),
            media_timeout=_seconds(asked.media.media_timeout) or None,
            waits=asked.wait_until_answered,
        )


def _way_out(asked: CreateSIPParticipantRequest, trunks: Trunks) -> tuple[SIPOutboundConfig, str]:
    """The trunk, and the number that calls."""
    if asked.HasField("trunk"):
        if not asked.trunk.hostname:
            raise TwirpError("invalid_argument", "no trunk hostname specified")
        return asked.trunk, asked.sip_number
    if not asked.sip_trunk_id:
        raise TwirpError("invalid_argument", "missing sip trunk id")
    known = trunks.of(asked.sip_trunk_id)
    config = SIPOutboundConfig(
        hostname=known.address,
        transport=known.transport,
        auth_username=known.auth_username,
        auth_password=known.auth_password,
        from_host=known.from_host,
    )
    return config, asked.sip_number or known.numbers[0]


def _require(asked: CreateSIPParticipantRequest) -> None:
    if not asked.sip_call_to:
        raise TwirpError("invalid_argument", "missing sip callee number")
    if not asked.room_name:
        raise TwirpError("invalid_argument", "missing room name")
    if not _DIGITS.fullmatch(asked.dtmf):
        raise TwirpError("invalid_argument", "dtmf has what no telephone has")
    for name in _NOT_DONE:
        if asked.HasField(name):
            raise TwirpError("unimplemented", f"the stand-in for LiveKit SIP does not do {name}")
    wanted = (asked.media_encryption, asked.media.encryption)
    if SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE in wanted:
        words = "the stand-in for LiveKit SIP does not encrypt media"
        raise TwirpError("unimplemented", words)


def _attributes(
    asked: CreateSIPParticipantRequest, call_id: str, hostname: str, number: str
) -> dict[str, str]:
    """Whoever asks may not say in them what is livekit-sip's to say."""
    told = dict(asked.participant_attributes) | {
        SipAttribute.CALL_ID.value: call_id,
        SipAttribute.CALL_STATUS.value: "dialing",
        SipAttribute.TRUNK_ID.value: asked.sip_trunk_id,
        SipAttribute.HOSTNAME.value: hostname,
    }
    if not asked.hide_phone_number:
        told[SipAttribute.TRUNK_PHONE_NUMBER.value] = number
        told[SipAttribute.PHONE_NUMBER.value] = asked.sip_call_to
    return told


def _caller(display_name: str, number: str, host: str) -> str:
    uri = f"sip:{number or 'livekit'}@{host}"
    if not display_name:
        return uri
    escaped = display_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{uri}>'


def _seconds(duration: Duration) -> float:
    return float(duration.seconds) + duration.nanos / 1e9
