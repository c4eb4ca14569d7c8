"""Calls that we make, against a far side that says what each test wants."""

from __future__ import annotations

import pytest

from bridge.sip import (
    Address,
    Answered,
    CallEnd,
    Ended,
    Flow,
    OfferReceived,
    Progress,
    Transport,
    UserAgentSettings,
)
from tests.bridge.sip.network import ANSWER, OFFER, brief, header, headers
from tests.bridge.sip.peer import THEM, US, Peer, response


@pytest.mark.parametrize(
    ("transport", "via", "contact"),
    [
        ("udp", "SIP/2.0/UDP", "<sip:switchboard@192.0.2.1:5060>"),
        ("tcp", "SIP/2.0/TCP", "<sip:switchboard@192.0.2.1:5060;transport=tcp>"),
        ("tls", "SIP/2.0/TLS", "<sip:switchboard@192.0.2.1:5060;transport=tls>"),
    ],
)
def test_an_invite_names_its_real_transport(transport: Transport, via: str, contact: str) -> None:
    _, invite = Peer(transport).dialled(headers={"X-Exotel-CallSid": "7"})
    assert header(invite, "Via").startswith(f"{via} 192.0.2.1:5060;branch=z9hG4bK")
    assert header(invite, "Via").endswith(";rport")
    assert header(invite, "Contact") == contact
    assert header(invite, "X-Exotel-CallSid") == "7"
    assert header(invite, "Content-Length") == str(len(OFFER))
    assert invite.startswith("INVITE sip:+911234567890@192.0.2.2 SIP/2.0\r\n")


def test_ringing_early_media_answer_and_their_bye() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    peer.receive(response(invite, 100))
    assert call.state == "calling"
    peer.receive(response(invite, 180, "Ringing"))
    peer.receive(response(invite, 183, body=ANSWER))
    assert call.state == "ringing"
    assert [(each.status, each.sdp) for each in peer.events(Progress)] == [
        (180, None),
        (183, ANSWER),
    ]
    [ack] = peer.receive(response(invite, 200, body=ANSWER, more={"X-Trunk": "3"}))
    assert brief(ack) == "ACK"
    assert header(ack, "CSeq").split()[0] == header(invite, "CSeq").split()[0]
    assert header(ack, "Via") != header(invite, "Via")
    assert peer.events(Answered)[0].sdp == ANSWER
    assert call.headers["x-trunk"] == "3"
    [ok] = peer.receive(peer.in_dialog("BYE", more={"Reason": "Q.850;cause=16"}))
    assert brief(ok) == "200 BYE"
    assert peer.end().end == CallEnd("them", "hung-up", True, 200, reason_header="Q.850;cause=16")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_requests_go_to_the_contact_of_the_2xx_by_its_routes(transport: Transport) -> None:
    peer = Peer(transport)
    _, invite = peer.dialled()
    routes = {"Record-Route": "<sip:p2.example.net;lr>, <sip:192.0.2.9:5070;lr;x=%2a>"}
    contact = "<sip:bob%20b@10.1.1.1:5090;ob>"
    [ack] = peer.receive(response(invite, 200, contact=contact, body=ANSWER, more=routes))
    assert ack.startswith("ACK sip:bob%20b@10.1.1.1:5090;ob SIP/2.0\r\n")
    assert [value for name, value in headers(ack) if name == "Route"] == [
        "<sip:192.0.2.9:5070;lr;x=%2a>",
        "<sip:p2.example.net;lr>",
    ]
    assert peer.out[-1].destination == Address("192.0.2.9", 5070)


def test_a_strict_router_becomes_the_request_uri() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    routes = {"Record-Route": "<sip:p2.example.net;lr>, <sip:p1.example.net>"}
    [ack] = peer.receive(response(invite, 200, body=ANSWER, more=routes))
    assert ack.startswith("ACK sip:p1.example.net SIP/2.0\r\n")
    assert [value for name, value in headers(ack) if name == "Route"] == [
        "<sip:p2.example.net;lr>",
        "<sip:them@192.0.2.2:5060>",
    ]


def test_every_repeated_2xx_gets_the_same_ack() -> None:
    peer = Peer("tcp")
    _, invite = peer.dialled()
    ok = response(invite, 200, body=ANSWER)
    [first] = peer.receive(ok)
    assert peer.receive(ok) == [first]
    assert peer.receive(ok) == [first]
    assert len(peer.events(Answered)) == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (302, "redirected"),
        (403, "blocked"),
        (404, "invalid-number"),
        (408, "no-answer"),
        (480, "no-answer"),
        (486, "busy"),
        (487, "cancelled"),
        (488, "not-acceptable"),
        (500, "server-error"),
        (503, "blocked"),
        (600, "busy"),
        (603, "rejected"),
        (699, "refused"),
    ],
)
def test_a_refusal_is_acked_and_is_the_end(status: int, reason: str) -> None:
    peer = Peer()
    _, invite = peer.dialled()
    refusal = response(invite, status, "Why", more={"Reason": "Q.850;cause=17"})
    [ack] = peer.receive(refusal)
    assert brief(ack) == "ACK"
    assert header(ack, "Via") == header(invite, "Via")
    assert "tag=them" in header(ack, "To")
    assert peer.end().end == CallEnd("them", reason, False, status, "Why", "Q.850;cause=17")
    assert peer.receive(refusal) == [ack]
    peer.wait(64)
    assert len(peer.events(Ended)) == 1


def test_a_status_line_without_a_phrase_is_understood() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    peer.receive(response(invite, 180).replace("SIP/2.0 180 X", "SIP/2.0 180"))
    assert call.state == "ringing"


@pytest.mark.parametrize(("transport", "copies"), [("udp", 7), ("tcp", 1)])
def test_nobody_answers_at_all(transport: Transport, copies: int) -> None:
    peer = Peer(transport)
    began = peer.now
    peer.dialled()
    peer.wait(31.9)
    assert not peer.events(Ended)
    peer.wait(0.2)
    assert peer.end().end == CallEnd("network", "no-response", False)
    assert peer.starts() == ["INVITE"] * copies
    if copies > 1:
        assert [time - began for time in peer.times] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_nobody_takes_the_connection() -> None:
    peer = Peer("tcp")
    peer.dialled()
    peer.ua.unreachable(peer.out[-1], peer.now)
    peer.drain()
    assert peer.end().end == CallEnd("network", "unreachable", False)


def test_a_cancel_waits_for_a_provisional_answer_and_bears_the_invites_branch() -> None:
    peer = Peer("tcp")
    call, invite = peer.dialled()
    call.hang_up(peer.now, 'SIP;cause=200;text="elsewhere"')
    call.hang_up(peer.now)
    assert peer.drain() == []
    [cancel] = peer.receive(response(invite, 180))
    assert cancel.startswith("CANCEL sip:+911234567890@192.0.2.2 SIP/2.0")
    for name in ("Via", "From", "To", "Call-ID"):
        assert header(cancel, name) == header(invite, name)
    assert header(cancel, "CSeq") == header(invite, "CSeq").replace("INVITE", "CANCEL")
    assert header(cancel, "Reason") == 'SIP;cause=200;text="elsewhere"'
    peer.receive(response(cancel, 200))
    assert call.state == "ending"
    peer.receive(response(invite, 487))
    assert peer.end().end == CallEnd("us", "cancelled", False, 487, "X")
    assert peer.starts() == ["INVITE", "CANCEL", "ACK"]


def test_a_200_that_crosses_the_cancel_is_acked_and_hung_up() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    peer.receive(response(invite, 180))
    call.hang_up(peer.now)
    [cancel] = peer.drain()
    sent = peer.receive(response(invite, 200, body=ANSWER))
    assert [brief(each) for each in sent] == ["ACK", "BYE"]
    peer.receive(response(cancel, 200))
    peer.receive(response(sent[1], 200))
    assert peer.end().end == CallEnd("us", "cancelled", True, 200)
    assert not peer.events(Answered)
    assert [brief(each) for each in peer.receive(response(invite, 200, body=ANSWER))] == ["ACK"]


def test_a_busy_that_crosses_the_cancel_is_a_busy() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    peer.receive(response(invite, 180))
    call.hang_up(peer.now)
    peer.receive(response(invite, 486, "Busy"))
    assert peer.end().end == CallEnd("them", "busy", False, 486, "Busy")


def test_a_cancel_that_nobody_minds_ends_after_32_seconds() -> None:
    peer = Peer("tcp")
    call, invite = peer.dialled()
    peer.receive(response(invite, 180))
    call.hang_up(peer.now)
    peer.wait(32.1)
    assert peer.end().end == CallEnd("us", "cancelled", False)
    # They answer after all: it must not stay open on their side.
    late = peer.receive(response(invite, 200, body=ANSWER))
    assert [brief(each) for each in late] == ["ACK", "BYE"]


def test_rung_long_enough() -> None:
    peer = Peer()
    _, invite = peer.dialled(ringing_timeout=20)
    peer.receive(response(invite, 180))
    sent = peer.wait(20.1)
    assert brief(sent[0]) == "CANCEL"
    peer.receive(response(invite, 487))
    assert peer.end().end == CallEnd("us", "no-answer", False, 487, "X")


def test_a_second_2xx_of_a_forked_call_is_acked_and_hung_up() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    peer.receive(response(invite, 180, tag="one"))
    peer.receive(response(invite, 180, tag="two"))
    peer.receive(response(invite, 200, tag="two", body=ANSWER))
    other = response(invite, 200, tag="one", contact="<sip:one@192.0.2.77>", body=ANSWER)
    ack, bye = peer.receive(other)
    assert (brief(ack), brief(bye)) == ("ACK", "BYE")
    assert bye.startswith("BYE sip:one@192.0.2.77 ")
    assert header(bye, "To").endswith("tag=one")
    assert peer.receive(other) == [ack]
    assert call.state == "answered"
    assert len(peer.events(Answered)) == 1


def test_an_answer_without_sdp_is_no_call() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    sent = peer.receive(response(invite, 200))
    assert [brief(each) for each in sent] == ["ACK", "BYE"]
    assert peer.end().end == CallEnd("them", "no-session", True, 200)


def test_sdp_only_in_the_183_of_a_careless_gateway_is_the_answer() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    peer.receive(response(invite, 183, body=ANSWER))
    peer.receive(response(invite, 200))
    assert peer.events(Answered)[0].sdp == ANSWER


def test_the_far_side_makes_the_offer_and_the_ack_brings_our_answer() -> None:
    peer = Peer()
    call, invite = peer.dialled(offer=None)
    assert header(invite, "Content-Length") == "0"
    assert peer.receive(response(invite, 200, body=OFFER)) == []
    assert peer.events(Answered)[0].is_offer
    call.answer(ANSWER, peer.now)
    [ack] = peer.drain()
    assert ack.endswith(ANSWER)
    assert peer.receive(response(invite, 200, body=OFFER)) == [ack]
    with pytest.raises(ValueError, match="no offer"):
        call.answer(ANSWER, peer.now)


def test_answers_of_a_stranger_change_nothing() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    branch = header(invite, "Via").partition("branch=")[2].partition(";")[0]
    for message in (
        response(invite, 200, body=ANSWER).replace(branch, "z9hG4bKother"),
        response(invite, 486).replace(" INVITE\r\n", " BYE\r\n"),
    ):
        peer.receive(message)
    assert call.state == "calling"
    assert peer.ua.drops["stray-response"] == 1


def test_a_wrong_call_is_refused_in_words() -> None:
    peer = Peer()
    for given, sentence in (
        ({"headers": {"Via": "x"}}, "'Via' is no header"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "line end"),
        ({"to": "sip:a@b;tag=1"}, "no parameters"),
    ):
        with pytest.raises(ValueError, match=sentence):
            peer.dialled(**given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no SIP URI"):
        peer.ua.invite("tel:1", transport="udp", destination=THEM, from_="sip:a@b", now=0)
    with pytest.raises(ValueError, match="No contact address is set for tcp"):
        peer.ua.invite("sip:a@b", transport="tcp", destination=THEM, from_="sip:a@b", now=0)
    assert peer.ua.calls == ()


def test_early_offer_of_theirs_in_a_reliable_ringing() -> None:
    peer = Peer()
    call, invite = peer.dialled(offer=None)
    more = {"Require": "100rel", "RSeq": "7"}
    assert peer.receive(response(invite, 183, body=OFFER, more=more)) == []
    assert peer.events(OfferReceived)[0].sdp == OFFER
    call.answer(ANSWER, peer.now)
    [prack] = peer.drain()
    assert brief(prack) == "PRACK"
    assert prack.endswith(ANSWER)
    [ack] = peer.receive(response(invite, 200))
    assert header(ack, "Content-Length") == "0"
    assert not peer.events(Answered)[0].is_offer


def test_a_port_of_its_own_behind_a_contact_elsewhere() -> None:
    """A public peer that names its private address is behind a NAT: we stay on its flow."""
    peer = Peer("tcp")
    peer.flow = Flow("tcp", US, Address("8.8.8.8", 5060), 1)
    _, invite = peer.dialled()
    peer.receive(response(invite, 200, contact="<sip:x@10.0.0.7:5060>", body=ANSWER))
    assert peer.out[-1].flow == peer.flow


def test_a_contact_without_a_port_is_the_one_we_talk_to() -> None:
    peer = Peer("tcp")
    peer.flow = Flow("tcp", US, Address("192.0.2.2", 5070), 1)
    _, invite = peer.dialled()
    peer.receive(response(invite, 200, contact="<sip:x@192.0.2.2>", body=ANSWER))
    assert peer.out[-1].flow == peer.flow


def test_a_flood_of_reliable_ringing_is_bounded() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    for number in range(1, 200):
        more = {"Require": "100rel", "RSeq": str(number)}
        peer.receive(response(invite, 180, more=more))
    assert peer.starts().count("PRACK") == 64
    assert peer.ua.drops["too-many-pracks"] > 0


@pytest.mark.parametrize("tcp_there", [True, False])
def test_an_invite_too_long_for_a_datagram_goes_by_tcp_if_it_can(tcp_there: bool) -> None:
    peer = Peer(given=UserAgentSettings({"udp": US, "tcp": US}))
    call, invite = peer.dialled(headers={"X-Long": "x" * 800})
    assert (peer.out[-1].transport, peer.out[-1].flow) == ("tcp", None)
    assert header(invite, "Via").startswith("SIP/2.0/TCP")
    if not tcp_there:
        peer.ua.unreachable(peer.out[-1], peer.now)
        [again] = peer.drain()
        assert again == invite.replace("SIP/2.0/TCP", "SIP/2.0/UDP")
        assert peer.out[-1].transport == "udp"
        assert len(peer.wait(1)) == 1
        invite = again
    else:
        assert peer.wait(5) == []
        peer.flow = Flow("tcp", US, THEM, 3)
    peer.receive(response(invite, 180))
    call.hang_up(peer.now)
    [cancel] = peer.drain()
    assert header(cancel, "Via") == header(invite, "Via")
    assert peer.out[-1].transport == ("tcp" if tcp_there else "udp")


def test_a_contact_with_maddr_is_reached_there() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    peer.receive(response(invite, 200, contact="<sip:x@192.0.2.7;maddr=192.0.2.8>", body=ANSWER))
    assert peer.out[-1].destination == Address("192.0.2.8", 5060)


def test_an_answer_that_was_meant_for_another_is_dropped() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    via = f"Via: {header(invite, 'Via')}\r\n"
    ok = response(invite, 200, body=ANSWER)
    assert (
        peer.receive(ok.replace(via, via + "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKx\r\n")) == []
    )
    assert call.state == "calling"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_that_nobody_heard_of_rings_no_longer_than_asked(transport: Transport) -> None:
    peer = Peer(transport)
    _, invite = peer.dialled(ringing_timeout=1)
    peer.wait(6.1)
    assert peer.end().end == CallEnd("network", "no-response", False)
    assert len(peer.sent) <= 2
    # Somebody did, after all.
    assert [brief(each) for each in peer.receive(response(invite, 180))] == ["CANCEL"]
    late = peer.receive(response(invite, 200, body=ANSWER))
    assert [brief(each) for each in late] == ["ACK", "BYE"]


def test_hung_up_before_anybody_said_a_word() -> None:
    peer = Peer()
    call, _ = peer.dialled()
    call.hang_up(peer.now)
    assert peer.wait(5.1) == []
    assert peer.end().end == CallEnd("us", "cancelled", False)
