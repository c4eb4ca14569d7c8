"""What we offer, and what becomes of it with the answer."""

from __future__ import annotations

import pytest

from bridge.sdp import (
    G722,
    PCMA,
    PCMU,
    Direction,
    LocalMedia,
    MediaAddress,
    Negotiation,
    NothingInCommon,
    SdpError,
    SessionDescription,
    codecs_named,
)
from tests.bridge.sdp.bodies import OURS, sdp
from tests.bridge.sdp.bodies import offer as body


def test_an_offer_names_all_codecs_and_telephone_events() -> None:
    assert Negotiation(OURS, session_id=7).offer() == sdp(
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 30000 RTP/AVP 0 8 9 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
    )


@pytest.mark.parametrize(
    ("names", "formats"),
    [("PCMA,PCMU", "8 0 101"), ("g722, pcmu", "9 0 101"), ("PCMU", "0 101")],
)
def test_the_order_of_codecs_is_ours_to_choose(names: str, formats: str) -> None:
    local = LocalMedia("192.0.2.10", 30000, codecs_named(names.split(",")))
    assert f"m=audio 30000 RTP/AVP {formats}\r\n" in Negotiation(local).offer()


@pytest.mark.parametrize("names", [[], ["OPUS"], ["PCMU", "pcmu"]])
def test_names_that_make_no_list_of_codecs(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        codecs_named(names)


def test_the_answer_decides() -> None:
    ours = Negotiation(OURS)
    ours.offer()
    agreed = ours.accept_answer(body("a=rtpmap:96 telephone-event/8000", formats="8 0 96"))
    assert agreed.codec == PCMA
    assert agreed.payload_type == 8
    assert agreed.remote == MediaAddress("198.51.100.7", 40000)
    assert agreed.remote_rtcp == MediaAddress("198.51.100.7", 40001)
    assert agreed.dtmf == 96
    assert agreed.dtmf_arrives == {96, 101}  # theirs to us by our number, in practice also theirs
    assert dict(agreed.decodes) == {0: PCMU, 8: PCMA, 9: G722}
    assert agreed.sends
    assert agreed.receives
    assert not agreed.remote_holds


def test_an_answer_without_telephone_events_takes_none() -> None:
    ours = Negotiation(OURS)
    ours.offer()
    assert ours.accept_answer(body(formats="0")).dtmf is None


def test_a_second_answer_to_the_same_offer_replaces_the_first() -> None:
    """183 with a description, then 200 with another: another phone picked up."""
    ours = Negotiation(OURS)
    ours.offer()
    ours.accept_answer(body(port=40000))
    ours.accept_answer(body(port=50000))
    assert ours.remote_address == MediaAddress("198.51.100.7", 50000)


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (body(port=0), NothingInCommon, "The answer refuses the audio."),
        (body(formats="18"), NothingInCommon, "None of the codecs is one of ours"),
        (body(connection="sip.example.com"), NothingInCommon, "names no IP address"),
        (body(protocol="RTP/SAVP"), NothingInCommon, "changes the transport"),
        (body().replace("m=audio", "m=video"), SdpError, "does not have the offer's m= lines"),
        ("", SdpError, "The SDP is empty."),
    ],
)
def test_an_answer_that_is_no_good_changes_nothing(
    answer: str, error: type[ValueError], sentence: str
) -> None:
    ours = Negotiation(OURS)
    ours.offer()
    before = ours.accept_answer(body())
    ours.offer("sendonly")
    with pytest.raises(error, match=sentence):
        ours.accept_answer(answer)
    assert ours.current == before
    assert ours.wish == "sendrecv"


def test_an_answer_without_an_offer() -> None:
    with pytest.raises(SdpError, match="nothing was offered"):
        Negotiation(OURS).accept_answer(body())


@pytest.mark.parametrize(
    ("offered", "answered", "sends", "receives", "remote_holds"),
    [
        ("sendrecv", "sendrecv", True, True, False),
        ("sendrecv", "recvonly", True, False, False),
        ("sendrecv", "sendonly", False, True, True),
        ("sendrecv", "inactive", False, False, True),
        ("sendonly", "recvonly", True, False, False),
        ("sendonly", "inactive", False, False, True),
        ("sendonly", "sendrecv", True, False, False),  # no peer may, some do
        ("inactive", "inactive", False, False, False),
        ("recvonly", "sendonly", False, True, False),
    ],
)
def test_directions_after_our_offer(
    offered: Direction, answered: str, sends: bool, receives: bool, remote_holds: bool
) -> None:
    ours = Negotiation(OURS)
    assert f"a={offered}\r\n" in ours.offer(offered)
    ours.accept_answer(body(f"a={answered}"))
    assert (ours.sends, ours.receives, ours.remote_holds) == (sends, receives, remote_holds)
    assert ours.holds == (offered in ("sendonly", "inactive"))


def test_a_hold_of_ours_that_is_refused_is_none() -> None:
    ours = Negotiation(OURS)
    ours.offer()
    ours.accept_answer(body())
    ours.offer("sendonly")
    ours.offer_refused()
    assert not ours.holds
    assert "a=sendrecv" in ours.offer()


def test_an_offer_that_was_asked_for_without_a_body_lets_the_call_go_on() -> None:
    """Delayed offer on a call that they hold: our address stays, and so does the codec in use."""
    ours = Negotiation(OURS, session_id=7)
    ours.answer_to(body("a=rtpmap:96 telephone-event/8000", "a=sendonly", formats="8 0 96"))
    assert ours.remote_holds
    offered = SessionDescription.parse(ours.offer())
    assert offered.audio is not None
    assert offered.audio.formats == ("8", "0", "9", "96")
    assert offered.audio.direction == "sendrecv"
    assert (offered.audio.connection, offered.audio.port) == ("192.0.2.10", 30000)
    ours.accept_answer(body("a=rtpmap:96 telephone-event/8000", formats="8 96"))
    assert not ours.remote_holds
    assert ours.sends


def test_an_offer_that_was_asked_for_keeps_our_own_hold() -> None:
    ours = Negotiation(OURS)
    ours.offer()
    ours.accept_answer(body())
    ours.offer("sendonly")
    ours.accept_answer(body("a=recvonly"))
    assert "a=sendonly" in ours.offer()


def test_lines_that_were_refused_keep_their_place_in_later_offers() -> None:
    ours = Negotiation(OURS)
    ours.answer_to(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
        "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 40000 RTP/AVP 0\r\n"
    )
    lines = SessionDescription.parse(ours.offer("sendonly")).media
    assert [(line.kind, line.port) for line in lines] == [("video", 0), ("audio", 30000)]


def test_the_version_rises_with_the_content_and_only_then() -> None:
    ours = Negotiation(OURS, session_id=7)

    def version(text: str) -> int:
        origin = SessionDescription.parse(text).origin
        assert origin.session_id == 7
        return origin.version

    first = ours.offer()
    assert version(first) == 1
    ours.accept_answer(body())
    assert version(ours.offer("sendonly")) == 2
    assert version(ours.offer("sendonly")) == 2  # sent again after a 491
    ours.accept_answer(body("a=recvonly"))
    held = ours.answer_to(body("a=recvonly"))
    assert version(held) == 3  # one codec, as an answer has
    assert version(ours.answer_to(body("a=recvonly"))) == 3  # a session timer's refresh
    ours.offer("sendrecv")
    ours.offer_refused()
    assert version(ours.answer_to(body("a=recvonly"))) == 5  # 4 was said, and was something else
