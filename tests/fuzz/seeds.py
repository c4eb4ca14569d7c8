"""What the fuzzers begin with: real messages of every kind."""

from __future__ import annotations

from bridge.rtp.packet import RtpPacket
from bridge.rtp.reception import Reception
from bridge.rtp.reports import Reports
from bridge.rtp.speaker import Speaker
from tests.bridge.sdp import bodies
from tests.bridge.sip.network import OFFER
from tests.bridge.sip.peer import Peer, invite, request
from tests.bridge.sip.torture import MESSAGES

SEPARATOR = b"\n==\n"


def conversations() -> list[bytes]:
    """Messages of the live call, in orders that make sense, and calls of strangers."""
    peer = Peer("tcp")
    peer.answered()
    holds = [
        peer.in_dialog("INVITE", body=OFFER, cseq=200, branch="z9hG4bK200"),
        peer.in_dialog("ACK", cseq=200, branch="z9hG4bKa"),
        peer.in_dialog("INVITE", cseq=201, branch="z9hG4bK201"),
        peer.in_dialog("CANCEL", cseq=201, branch="z9hG4bK201"),
        peer.in_dialog("ACK", body=OFFER, cseq=201, branch="z9hG4bKb"),
    ]
    others = [
        peer.in_dialog("OPTIONS"),
        peer.in_dialog("UPDATE", body=OFFER, more={"Session-Expires": "90;refresher=uas"}),
        peer.in_dialog("INFO", body="Signal=5\r\nDuration=160", kind="application/dtmf-relay"),
        peer.in_dialog("REFER", more={"Refer-To": "<sip:c@d>", "Refer-Sub": "true"}),
        peer.in_dialog("NOTIFY", body="SIP/2.0 200 OK", kind="message/sipfrag"),
        peer.in_dialog("PRACK", more={"RAck": "1 1 INVITE"}),
        peer.in_dialog("BYE", more={"Reason": "Q.850;cause=16"}),
    ]
    strangers = [
        invite(transport="tcp", more={"Require": "100rel", "Supported": "timer"}),
        request("CANCEL", transport="tcp"),
        request("ACK", transport="tcp", branch="z9hG4bKack"),
        request("BYE", cseq=2, transport="tcp", branch="z9hG4bKbye"),
    ]
    return [
        SEPARATOR.join(message.encode() for message in messages)
        for messages in (holds, others, strangers)
    ]


def signalling() -> list[bytes]:
    return [*conversations(), *(case.message for case in MESSAGES)]


def descriptions() -> list[bytes]:
    real = (bodies.ASTERISK, bodies.FREESWITCH, bodies.CISCO, bodies.LINPHONE)
    return [body.encode() for body in real]


def datagrams() -> list[bytes]:
    sound = [RtpPacket(0, False, n, n * 160, 7, b"\xff" * 160).serialize() for n in range(5)]
    digit = [RtpPacket(101, False, n, 9, 7, b"\x05\x8a\x03\x20").serialize() for n in range(5, 8)]
    speaker = Speaker()
    speaker.sent = 1
    report = Reports("anna").report(speaker, Reception(), 7, 1.0)
    stream = b"".join(bytes([len(packet)]) + packet for packet in [*sound, *digit, report])
    return [stream, sound[0], report]
