"""Nothing that can be sent as a description harms: a sentence, in milliseconds."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.sdp import LocalMedia, Negotiation, NothingInCommon, SdpError, SessionDescription
from tests.bridge.sdp import bodies
from tests.bridge.sdp.bodies import OURS, offer

_SLOWEST = 0.05  # s


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "The SDP is empty."),
        ("\r\n\r\n", "The SDP is empty."),
        ("v=1\r\no=- 1 1 IN IP4 198.51.100.7\r\n", "does not begin with v=0"),
        ("o=- 1 1 IN IP4 198.51.100.7\r\n", "does not begin with v=0"),
        ("v=0\r\n", "has no m= line"),
        ("v=0\r\nm=audio 1 RTP/AVP 0\r\n", "exactly one o= line"),
        (offer().replace("o=-", "o=- 1 1 IN IP4 198.51.100.7\r\no=-"), "exactly one o= line"),
        (offer().replace("42 1 IN", "42 one IN"), "lacks a session id, a version or an address"),
        (offer().replace(" 42 1 ", " "), "lacks a session id, a version or an address"),
        (offer("nonsense"), "Line 8 of the SDP is not of the form"),
        (offer(" a=sendrecv"), "Line 8 of the SDP is not of the form"),
        (offer("A=sendrecv"), "Line 8 of the SDP is not of the form"),
        (offer("a=x\0y"), "Line 8 of the SDP holds a control character"),
        (offer("a=x\ry"), "Line 8 of the SDP holds a control character"),
        (offer("a=" + "x" * 2047), "Line 8 of the SDP is longer than 2048"),
        (offer(*["a=x"] * 1000), "more than 1000 lines"),
        (offer(*["a=" + "x" * 1000] * 66), "longer than 65536"),
        (offer(*["m=audio 1 RTP/AVP 0"] * 16), "more than 16 m= lines"),
        (offer(formats=" ".join(["0"] * 65)), "more than 64 formats"),
        (offer(formats="0 1;2"), "a format that is no token"),
        (offer(formats=""), "lacks its kind, port, protocol or formats"),
        (offer().replace("40000", "65536"), "a port that is none"),
        (offer().replace("40000", "-1"), "a port that is none"),
        (offer().replace("40000", "1e3"), "a port that is none"),
        (offer().replace("40000", "\u0664\u0660"), "not ASCII"),
        (offer(connection="1\u00b2.0.0.1"), "not ASCII"),
    ],
)
def test_what_is_no_description_is_a_400_with_a_sentence(body: str, sentence: str) -> None:
    with pytest.raises(SdpError, match=sentence) as refused:
        SessionDescription.parse(body)
    assert refused.value.sip_status == 400
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "body",
    [
        offer(*["a=rtpmap:0 " + "P" * 2000] * 30),
        offer(*["a=fmtp:101 " + "0-15 " * 400] * 30),
        offer(*["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 1900] * 32),
        offer(*["a=candidate:1 1 udp 1 198.51.100.7 1 typ host"] * 900),
        offer(*["a=rtpmap:1 a/" + "1" * 1900] * 32),
        offer(*["a=sendonly"] * 900),
        offer(*["m=video 1 RTP/AVP " + "1 " * 60] * 15),
    ],
    ids=["rtpmap", "fmtp", "crypto", "candidates", "numbers", "directions", "lines"],
)
def test_large_descriptions_are_read_in_time(body: str) -> None:
    ours = Negotiation(LocalMedia("192.0.2.10", 30000, srtp="accepted"))
    began = time.process_time()
    with suppress(SdpError, NothingInCommon):
        ours.answer_to(body)
    assert time.process_time() - began < _SLOWEST


_LINES = """
v=0|o=- 1 1 IN IP4 198.51.100.7|s=-|c=IN IP4 198.51.100.7|c=IN IP4 0.0.0.0|c=IN|t=0 0
m=audio 40000 RTP/AVP 0 8 101|m=audio 0 RTP/AVP 0|m=video 9 RTP/SAVP 96|m=audio 1 RTP/SAVP 9|m=audio
a=rtpmap:0 PCMU/8000|a=rtpmap:101 telephone-event/8000|a=rtpmap:0|a=rtpmap:x y/z
a=sendonly|a=inactive|a=recvonly|a=sendrecv:x|a=ptime:20|a=ptime:nan|a=maxptime:1e9|a=rtcp-mux
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WnD7c1ksDGs+dIefCEo8omPg4uO8DYIinNGL5yxQ
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x|a=crypto:x|a=rtcp:1 IN IP4 x
"""
_WORDS = st.sampled_from(_LINES.strip().replace("\n", "|").split("|"))
_BODIES = st.one_of(
    st.lists(st.one_of(_WORDS, st.text(max_size=30)), max_size=25).map("\r\n".join),
    st.text(max_size=300),
    st.builds(
        lambda body, at, junk: body[:at] + junk + body[at + len(junk) :],
        st.sampled_from([bodies.FREESWITCH, bodies.LINPHONE, bodies.CISCO]),
        st.integers(0, 700),
        st.text(max_size=5),
    ),
)


@given(_BODIES)
@example("v=0\r\no=- 1 1 IN IP4 1\r\nc=IN IP4 10.5\r\nm=audio 1 RTP/AVP 0\r\na=ptime:" + "9" * 400)
def test_any_text_is_answered_or_refused_with_a_sentence(body: str) -> None:
    ours = Negotiation(LocalMedia("192.0.2.10", 30000, srtp="accepted"))
    try:
        answer = ours.answer_to(body)
    except (SdpError, NothingInCommon):
        assert ours.current is None
        return
    offered = SessionDescription.parse(body).media
    answered = SessionDescription.parse(answer).media
    assert len(answered) == len(offered)
    assert sum(line.port == OURS.port for line in answered) == 1
