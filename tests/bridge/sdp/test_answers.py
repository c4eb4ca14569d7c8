"""What we answer: RFC 3264 section 6, line by line."""

from __future__ import annotations

import pytest

from bridge.sdp import (
    G722,
    PCMA,
    PCMU,
    Codec,
    LocalMedia,
    MediaAddress,
    Negotiation,
    NothingInCommon,
    SdpError,
    SessionDescription,
)
from tests.bridge.sdp import bodies
from tests.bridge.sdp.bodies import OURS, offer, sdp


@pytest.mark.parametrize(
    ("body", "codec", "dtmf", "remote", "rtcp"),
    [
        (bodies.ASTERISK, PCMA, 101, ("198.51.100.20", 14776), ("198.51.100.20", 14777)),
        (bodies.FREESWITCH, G722, 101, ("198.51.100.30", 23456), ("198.51.100.30", 23457)),
        (bodies.EXOTEL, PCMA, 96, ("203.0.113.51", 18344), ("203.0.113.51", 18345)),
        (bodies.TWILIO, PCMU, 101, ("203.0.113.60", 11302), ("203.0.113.60", 11303)),
        (bodies.THREE_CX, PCMU, 101, ("198.51.100.70", 9024), ("198.51.100.70", 9025)),
        (bodies.CISCO, PCMU, 97, ("198.51.100.81", 24580), ("198.51.100.82", 24999)),
    ],
    ids=["asterisk", "freeswitch", "exotel", "twilio", "3cx", "cisco"],
)
def test_offers_of_real_makers(
    body: str, codec: Codec, dtmf: int, remote: tuple[str, int], rtcp: tuple[str, int]
) -> None:
    ours = Negotiation(OURS)
    answered = SessionDescription.parse(ours.answer_to(body)).media
    assert ours.current is not None
    assert ours.codec == codec
    assert ours.dtmf == dtmf
    assert ours.remote_address == MediaAddress(*remote)
    assert ours.current.remote_rtcp == MediaAddress(*rtcp)
    assert [line.formats for line in answered] == [(str(codec.payload_type), str(dtmf))]
    assert answered[0].direction == "sendrecv"


def test_the_answer_in_full() -> None:
    assert Negotiation(OURS, session_id=7).answer_to(bodies.EXOTEL) == sdp(
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 30000 RTP/AVP 8 96",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:96 telephone-event/8000",
        "a=fmtp:96 0-15",
        "a=ptime:20",
        "a=sendrecv",
    )


def test_payload_types_are_the_offers() -> None:
    ours = Negotiation(OURS)
    body = offer("a=rtpmap:110 pcma/8000/1", "a=rtpmap:120 TELEPHONE-EVENT/8000", formats="110 120")
    assert "m=audio 30000 RTP/AVP 110 120\r\n" in ours.answer_to(body)
    assert ours.current is not None
    assert (ours.current.codec, ours.current.payload_type) == (PCMA, 110)
    assert ours.current.decodes == ((110, PCMA),)
    # RFC 3264 section 8.3.2: the number keeps its meaning for the rest of the call.
    assert "m=audio 30000 RTP/AVP 110 0 9 120\r\n" in ours.offer("sendonly")


def test_a_number_never_means_two_things() -> None:
    ours = Negotiation(OURS)
    ours.answer_to(offer("a=rtpmap:101 PCMU/8000", formats="101").replace("telephone-event", "x"))
    assert "m=audio 30000 RTP/AVP 101 8 9 102\r\n" in ours.offer("sendonly")


HOLDS = [
    # their lines in the session, in the media, their address -> ours, we send, hear, they hold
    ("", "", "198.51.100.7", "sendrecv", True, True, False),
    ("", "a=sendrecv", "198.51.100.7", "sendrecv", True, True, False),
    ("", "a=sendonly", "198.51.100.7", "recvonly", False, True, True),
    ("", "a=inactive", "198.51.100.7", "inactive", False, False, True),
    ("", "a=recvonly", "198.51.100.7", "sendonly", True, False, False),
    ("a=sendonly", "", "198.51.100.7", "recvonly", False, True, True),
    ("a=inactive", "", "198.51.100.7", "inactive", False, False, True),
    ("a=inactive", "a=sendrecv", "198.51.100.7", "sendrecv", True, True, False),
    ("", "", "0.0.0.0", "recvonly", False, True, True),
    ("", "a=sendrecv", "0.0.0.0", "recvonly", False, True, True),
    ("", "a=recvonly", "0.0.0.0", "inactive", False, False, True),
    ("", "a=inactive", "0.0.0.0", "inactive", False, False, True),
]


@pytest.mark.parametrize(
    ("session", "media", "address", "answered", "sends", "receives", "remote_holds"), HOLDS
)
def test_hold_in_every_way_it_is_written(
    session: str,
    media: str,
    address: str,
    answered: str,
    sends: bool,
    receives: bool,
    remote_holds: bool,
) -> None:
    ours = Negotiation(OURS)
    ours.answer_to(offer())
    body = offer(media or "a=x", connection=address, version=2)
    if session:
        body = body.replace("t=0 0", f"t=0 0\r\n{session}")
    line = SessionDescription.parse(ours.answer_to(body)).audio
    assert line is not None
    assert line.direction == answered
    assert line.connection == "192.0.2.10"
    assert line.port == 30000
    assert (ours.sends, ours.receives, ours.remote_holds) == (sends, receives, remote_holds)
    ours.answer_to(offer(version=3))
    assert (ours.sends, ours.receives, ours.remote_holds) == (True, True, False)


def test_the_line_s_own_address_wins_over_the_session_s() -> None:
    ours = Negotiation(OURS)
    ours.answer_to(offer("c=IN IP4 203.0.113.9", connection="0.0.0.0"))
    assert ours.remote_address == MediaAddress("203.0.113.9", 40000)
    assert not ours.remote_holds


@pytest.mark.parametrize(
    ("theirs", "answered"),
    [
        ("sendrecv", "sendonly"),
        ("sendonly", "inactive"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_our_hold_lasts_through_their_offers(theirs: str, answered: str) -> None:
    ours = Negotiation(OURS)
    ours.offer()
    ours.accept_answer(offer())
    ours.offer("sendonly")
    ours.accept_answer(offer("a=recvonly"))
    assert f"a={answered}\r\n" in ours.answer_to(offer(f"a={theirs}"))
    ours.offer("sendrecv")
    ours.accept_answer(offer("a=sendrecv"))
    assert (ours.sends, ours.receives) == (True, True)


def test_every_line_of_the_offer_is_answered_in_its_place() -> None:
    body = sdp(
        "v=0",
        "o=- 1 1 IN IP4 198.51.100.7",
        "s=-",
        "c=IN IP4 198.51.100.7",
        "t=0 0",
        "m=image 6000 udptl t38",
        "m=audio 0 RTP/AVP 0",
        "m=audio 7000 UDP/TLS/RTP/SAVPF 111",
        "a=rtpmap:111 opus/48000/2",
        "m=audio 40000/2 RTP/AVP 0 8",
        "m=audio 41000 RTP/AVP 8",
        "m=video 5000 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    )
    ours = Negotiation(OURS)
    answered = SessionDescription.parse(ours.answer_to(body)).media
    assert [(line.kind, line.port, line.protocol, line.formats) for line in answered] == [
        ("image", 0, "udptl", ("t38",)),
        ("audio", 0, "RTP/AVP", ("0",)),
        ("audio", 0, "UDP/TLS/RTP/SAVPF", ("111",)),
        ("audio", 30000, "RTP/AVP", ("0",)),
        ("audio", 0, "RTP/AVP", ("8",)),
        ("video", 0, "RTP/AVP", ("96",)),
        ("application", 0, "UDP/DTLS/SCTP", ("webrtc-datachannel",)),
    ]
    assert ours.remote_address == MediaAddress("198.51.100.7", 40000)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (offer(formats="18 96"), "None of the codecs is one of ours"),
        (offer(formats="101"), "None of the codecs is one of ours"),
        (offer("a=rtpmap:0 G729/8000", formats="0"), "None of the codecs is one of ours"),
        (offer("a=rtpmap:97 PCMU/16000", formats="97"), "None of the codecs is one of ours"),
        (offer("a=rtpmap:97 PCMU/8000/2", formats="97"), "None of the codecs is one of ours"),
        (offer(port=0), "No audio is offered."),
        (offer().replace("m=audio", "m=video"), "No audio is offered."),
        (offer(protocol="RTP/SAVP"), "SRTP is refused here: offer RTP/AVP."),
        (offer(protocol="UDP/TLS/RTP/SAVPF"), "UDP/TLS/RTP/SAVPF is not supported"),
        (offer(connection="phone.example.com"), "names no IP address"),
        (offer(connection="224.2.1.1/127"), "names no IP address"),
        (offer(connection="224.2.1.1"), "names a group"),
        (offer().replace("c=IN IP4 198.51.100.7", "c=IN IP6 2001:db8::7"), "IPv6, ours is not"),
        (offer().replace("c=IN IP4 198.51.100.7\r\n", ""), "has no c= line"),
    ],
)
def test_what_cannot_be_had_is_a_488_with_a_sentence(body: str, sentence: str) -> None:
    ours = Negotiation(OURS)
    before = Negotiation(OURS)
    with pytest.raises(NothingInCommon, match=sentence) as refused:
        ours.answer_to(body)
    assert refused.value.sip_status == 488
    assert ours.current == before.current


def test_a_refused_offer_leaves_the_call_as_it_was() -> None:
    """T.38 in the middle of a call, for one."""
    ours = Negotiation(OURS)
    ours.answer_to(offer())
    before = ours.current
    with pytest.raises(NothingInCommon):
        ours.answer_to(offer(port=0))
    with pytest.raises(SdpError):
        ours.answer_to("v=0\r\n")
    assert ours.current == before


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [
        ((), 20),
        (("a=ptime:30",), 20),
        (("a=maxptime:40",), 20),
        (("a=maxptime:10",), 10),
        (("a=ptime:0", "a=maxptime:-5"), 20),
        (("a=maxptime:10.0",), 10),
    ],
)
def test_how_long_our_packets_are(attributes: tuple[str, ...], ptime: int) -> None:
    ours = Negotiation(OURS)
    assert "a=ptime:20\r\n" in ours.answer_to(offer(*attributes))
    assert ours.current is not None
    assert ours.current.ptime == ptime


def test_rtcp_on_the_same_port_where_they_offer_it() -> None:
    ours = Negotiation(OURS)
    assert "a=rtcp-mux\r\n" in ours.answer_to(offer("a=rtcp-mux"))
    assert ours.current is not None
    assert ours.current.remote_rtcp is None
    assert "a=rtcp-mux\r\n" in ours.offer("sendonly")
    assert "a=rtcp-mux" not in ours.answer_to(offer())


@pytest.mark.parametrize(
    ("attribute", "rtcp"),
    [
        ("a=rtcp:45000", ("198.51.100.7", 45000)),
        ("a=rtcp:45000 IN IP4 203.0.113.1", ("203.0.113.1", 45000)),
        ("a=rtcp:0", ("198.51.100.7", 40001)),
        ("a=rtcp:70000", ("198.51.100.7", 40001)),
        ("a=rtcp:45000 IN IP4 rtcp.example.com", ("198.51.100.7", 40001)),
    ],
)
def test_where_rtcp_goes(attribute: str, rtcp: tuple[str, int]) -> None:
    ours = Negotiation(OURS)
    ours.answer_to(offer(attribute))
    assert ours.current is not None
    assert ours.current.remote_rtcp == MediaAddress(*rtcp)


def test_ipv6() -> None:
    ours = Negotiation(LocalMedia("2001:db8::10", 30000))
    body = offer().replace("IN IP4 198.51.100.7", "IN IP6 2001:DB8:0::7")
    assert "c=IN IP6 2001:db8::10\r\n" in ours.answer_to(body)
    assert ours.remote_address == MediaAddress("2001:db8::7", 40000)


def test_what_is_not_understood_is_ignored() -> None:
    ours = Negotiation(OURS)
    body = offer(
        "a=label:1", "a=ssrc:1 cname:x", "a=\u00e9t\u00e9:1", "a=fmtp:0 \u2028m=video", "b=AS:64"
    ).replace("s=-", "s=R\u00e9union \u2028\x85")
    assert ours.answer_to(body).count("m=") == 1


def test_a_description_with_bare_line_feeds_and_empty_lines() -> None:
    assert Negotiation(OURS).answer_to(offer().replace("\r\n", "\n") + "\n\n")
