"""Calls that we get, from a far side that says what each test wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.sip import (
    Address,
    CallEnd,
    Confirmed,
    Ended,
    Flow,
    IncomingCall,
    Limits,
    OfferAnswered,
    Transport,
    UserAgentSettings,
)
from tests.bridge.sip.network import ANSWER, OFFER, brief, header, headers
from tests.bridge.sip.peer import THEM, US, Peer, invite, request, settings


def test_rung_accepted_confirmed_and_hung_up_by_us() -> None:
    peer = Peer()
    call = peer.rung(more={"X-Exotel-CallSid": "9"})
    assert (call.target_user, call.remote_user, call.headers["x-exotel-callsid"]) == (
        "us",
        "them",
        "9",
    )
    assert peer.events(IncomingCall)[0].offer == OFFER
    call.ring(peer.now)
    [ringing] = peer.drain()
    assert brief(ringing) == "180 INVITE"
    assert header(ringing, "Contact") == "<sip:switchboard@192.0.2.1:5060>"
    call.accept(ANSWER, peer.now, {"X-Ours": "1"})
    [ok] = peer.drain()
    assert ok.endswith(ANSWER)
    assert header(ok, "X-Ours") == "1"
    assert header(ok, "To") == header(ringing, "To")
    peer.receive(peer.ack())
    assert peer.events(Confirmed)
    call.hang_up(peer.now)
    [bye] = peer.drain()
    assert bye.startswith("BYE sip:them@192.0.2.2:5060 ")
    assert header(bye, "From") == header(ok, "To")
    assert header(bye, "To") == header(ok, "From")
    assert peer.end().end == CallEnd("us", "hung-up", True, 200)


def test_an_invite_without_an_answer_of_ours_gets_its_100() -> None:
    peer = Peer()
    peer.rung()
    assert peer.starts() == []
    [trying] = peer.wait(0.25)
    assert brief(trying) == "100 INVITE"
    assert "tag" not in header(trying, "To")


def test_an_invite_again_is_the_same_call_and_gets_the_same_answer() -> None:
    peer = Peer()
    call = peer.rung()
    assert [brief(each) for each in peer.receive(invite())] == ["100 INVITE"]
    call.ring(peer.now)
    [ringing] = peer.drain()
    assert peer.receive(invite()) == [ringing]
    assert len(peer.events(IncomingCall)) == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_our_200_is_sent_again_until_its_ack(transport: Transport) -> None:
    peer = Peer(transport)
    call = peer.rung()
    call.accept(ANSWER, peer.now)
    [ok] = peer.drain()
    began, count = peer.now, len(peer.times)
    again = peer.wait(8)
    assert again == [ok] * 4
    assert [round(time - began, 3) for time in peer.times[count:]] == [0.5, 1.5, 3.5, 7.5]
    peer.receive(peer.ack())
    assert peer.wait(40) == []


def test_no_ack_at_all_is_hung_up() -> None:
    peer = Peer()
    peer.rung().accept(ANSWER, peer.now)
    peer.wait(33)
    assert peer.starts()[-1] == "BYE"
    assert peer.end().end == CallEnd("network", "ack-timeout", True, 200)


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    peer = Peer()
    call = peer.rung()
    call.accept(ANSWER, peer.now)
    call.hang_up(peer.now)
    assert [brief(each) for each in peer.drain()] == ["200 INVITE"]
    assert call.state == "ending"
    assert [brief(each) for each in peer.receive(peer.ack())] == ["BYE"]
    assert peer.end().end == CallEnd("us", "hung-up", True, 200)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_rejected(transport: Transport) -> None:
    peer = Peer(transport)
    call = peer.rung()
    call.reject(486, peer.now)
    [busy] = peer.drain()
    assert busy.startswith("SIP/2.0 486 Busy Here\r\n")
    again = peer.wait(4)
    assert again == ([busy] * 3 if transport == "udp" else [])
    peer.receive(
        request(
            "ACK",
            to=header(busy, "To"),
            branch="z9hG4bKtheirs",
            transport=transport,
        )
    )
    assert peer.wait(60) == []
    assert peer.end().end == CallEnd("us", "rejected", False, 486)


def test_cancelled_by_the_caller() -> None:
    peer = Peer()
    call = peer.rung()
    call.ring(peer.now)
    sent = peer.receive(request("CANCEL", more={"Reason": "SIP;cause=200"}))
    assert [brief(each) for each in sent] == ["180 INVITE", "200 CANCEL", "487 INVITE"]
    assert len({header(each, "To") for each in sent}) == 1
    assert peer.end().end == CallEnd("them", "cancelled", False, 487, "", "SIP;cause=200")
    call.accept(ANSWER, peer.now)
    assert peer.drain() == []


def test_a_cancel_after_our_200_changes_nothing() -> None:
    peer = Peer()
    call = peer.rung()
    call.accept(ANSWER, peer.now)
    peer.drain()
    assert [brief(each) for each in peer.receive(request("CANCEL"))] == ["200 CANCEL"]
    assert call.state == "answered"
    assert not peer.events(Ended)


def test_a_cancel_for_nothing() -> None:
    peer = Peer()
    assert [brief(each) for each in peer.receive(request("CANCEL"))] == ["481 CANCEL"]


def test_their_bye_before_our_answer() -> None:
    peer = Peer()
    peer.rung().ring(peer.now)
    peer.drain()
    sent = peer.receive(peer.in_dialog("BYE"))
    assert [brief(each) for each in sent] == ["200 BYE", "487 INVITE"]
    assert peer.end().end == CallEnd("them", "hung-up", False, 487)


def test_hung_up_by_us_before_our_answer() -> None:
    peer = Peer()
    peer.rung().hang_up(peer.now, "Q.850;cause=19")
    [refusal] = peer.drain()
    assert brief(refusal) == "480 INVITE"
    assert header(refusal, "Reason") == "Q.850;cause=19"


def test_without_an_offer_ours_is_in_the_200_and_theirs_in_the_ack() -> None:
    peer = Peer()
    call = peer.rung(offer="")
    assert peer.events(IncomingCall)[0].offer is None
    call.accept(OFFER, peer.now)
    peer.drain()
    peer.receive(peer.ack(ANSWER))
    assert peer.events(OfferAnswered)[0].sdp == ANSWER


def test_an_ack_without_the_answer_it_owes_is_no_call() -> None:
    peer = Peer()
    peer.rung(offer="").accept(OFFER, peer.now)
    peer.drain()
    assert [brief(each) for each in peer.receive(peer.ack())] == ["BYE"]
    assert peer.end().end == CallEnd("them", "no-session", True, 200)


def test_the_answer_goes_back_where_the_invite_really_came_from() -> None:
    peer = Peer()
    behind_nat = Flow("udp", US, Address("198.51.100.7", 33333))
    with_rport = invite().replace("branch=", "received=10.9.9.9;rport;branch=")
    peer.receive(with_rport, behind_nat)
    peer.events(IncomingCall)[0].call.ring(peer.now)
    [ringing] = peer.drain()
    assert peer.out[-1].destination == Address("198.51.100.7", 33333)
    assert ";rport=33333" in header(ringing, "Via")
    assert header(ringing, "Via").endswith(";received=198.51.100.7")
    assert "10.9.9.9" not in ringing


def test_without_rport_it_goes_to_the_port_of_the_via() -> None:
    peer = Peer()
    peer.receive(invite(), Flow("udp", US, Address("198.51.100.7", 33333)))
    peer.events(IncomingCall)[0].call.ring(peer.now)
    peer.drain()
    assert peer.out[-1].destination == Address("198.51.100.7", 5060)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_on_a_connection_it_goes_back_on_the_connection(transport: Transport) -> None:
    peer = Peer(transport)
    peer.rung().accept(ANSWER, peer.now)
    peer.drain()
    assert peer.out[-1].flow == peer.flow


def test_the_way_of_our_requests_is_their_record_route() -> None:
    peer = Peer()
    call = peer.rung(more={"Record-Route": "<sip:192.0.2.8;lr>, <sip:192.0.2.9;lr>"})
    call.accept(ANSWER, peer.now)
    [ok] = peer.drain()
    assert header(ok, "Record-Route") == "<sip:192.0.2.8;lr>, <sip:192.0.2.9;lr>"
    peer.receive(peer.ack())
    call.hang_up(peer.now)
    [bye] = peer.drain()
    assert [value for name, value in headers(bye) if name == "Route"] == [
        "<sip:192.0.2.8;lr>",
        "<sip:192.0.2.9;lr>",
    ]
    assert peer.out[-1].destination == Address("192.0.2.8", 5060)


def test_nobody_answers_for_three_minutes() -> None:
    peer = Peer()
    peer.rung().ring(peer.now)
    peer.drain()
    sent = peer.wait(181)
    assert [brief(each) for each in sent][:3] == ["180 INVITE", "180 INVITE", "480 INVITE"]
    assert peer.end().end == CallEnd("us", "no-answer", False, 480)


def test_an_invite_that_expires() -> None:
    peer = Peer()
    peer.rung(more={"Expires": "10"})
    sent = peer.wait(11)
    assert brief(sent[1]) == "487 INVITE"
    assert peer.end().end == CallEnd("them", "expired", False, 487)


@pytest.mark.parametrize(
    ("message", "status", "told"),
    [
        (invite(more={"Require": "gruu, 100rel"}), 420, ("Unsupported", "gruu")),
        (invite().replace("application/sdp", "text/plain"), 415, ("Accept", "application/sdp")),
        (invite(more={"Content-Encoding": "gzip"}), 415, ("Accept-Encoding", "identity")),
        (invite(more={"Accept": "text/plain"}), 406, ("", "")),
        (invite(target="tel:+91"), 416, ("", "")),
        (invite().replace("Contact:", "X-Contact:"), 400, ("", "")),
        (invite(more={"Session-Expires": "30", "Supported": "timer"}), 422, ("Min-SE", "90")),
        (request("REGISTER"), 405, ("Allow", "INVITE, ACK")),
        (request("WIBBLE"), 501, ("Allow", "INVITE, ACK")),
        (request("BYE"), 481, ("", "")),
        (request("UPDATE"), 481, ("", "")),
        (request("REFER"), 603, ("", "")),
        (request("OPTIONS"), 200, ("Allow", "INVITE, ACK")),
        (invite().replace(" SIP/2.0", " SIP/3.0", 1), 505, ("", "")),
    ],
)
def test_what_is_refused_and_how(message: str, status: int, told: tuple[str, str]) -> None:
    peer = Peer()
    [answer] = peer.receive(message)
    assert answer.startswith(f"SIP/2.0 {status} ")
    assert header(answer, told[0]).startswith(told[1])
    assert "tag=" in header(answer, "To")
    assert peer.events(IncomingCall) == []


def test_a_body_that_may_be_ignored_is_and_sdp_is_found_among_isup() -> None:
    peer = Peer()
    sip_i = (
        "--b1\r\nContent-Type: application/ISUP;version=nxv3\r\n\r\n\x01\x02\r\n"
        f"--b1\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--b1--\r\n"
    )
    peer.receive(request("INVITE", body=sip_i, kind='multipart/mixed;boundary="b1"'))
    assert peer.events(IncomingCall)[0].offer == OFFER
    other = Peer()
    more = {"Content-Disposition": "render; handling=optional"}
    other.receive(request("INVITE", body="hello", kind="text/plain", more=more))
    assert other.events(IncomingCall)[0].offer is None


def test_the_same_request_by_two_ways_is_one_call() -> None:
    peer = Peer()
    peer.rung()
    [merged] = peer.receive(invite(branch="z9hG4bKother"))
    assert brief(merged) == "482 INVITE"
    assert len(peer.events(IncomingCall)) == 1


def test_not_everybody_may_call() -> None:
    given = replace(settings(), may_call=lambda flow: flow.remote.host == "203.0.113.1")
    peer = Peer(given=given)
    assert [brief(each) for each in peer.receive(invite())] == ["403 INVITE"]
    assert peer.ua.drops["not-allowed"] == 1


def test_calls_are_bounded_for_each_peer() -> None:
    peer = Peer(given=UserAgentSettings({"udp": US}, limits=Limits(calls=3, calls_per_peer=1)))
    peer.rung()
    second = invite(branch="z9hG4bK2").replace("theirs", "second")
    [refusal] = peer.receive(second)
    assert brief(refusal) == "503 INVITE"
    assert header(refusal, "Retry-After")
    third = second.replace("second", "third").replace("bK2", "bK3")
    peer.receive(third, Flow("udp", US, Address("192.0.2.3", 5060)))
    assert len(peer.events(IncomingCall)) == 2
    assert peer.ua.drops["over-limit"] == 1


def test_transactions_are_bounded() -> None:
    limits = Limits(transactions=10, transactions_per_peer=5)
    peer = Peer(given=UserAgentSettings({"udp": US}, limits=limits))
    answers = [
        brief(peer.receive(request("OPTIONS", branch=f"z9hG4bK{n}", call_id=f"c{n}"))[0])
        for n in range(8)
    ]
    assert answers == ["200 OPTIONS"] * 5 + ["503 OPTIONS"] * 3
    peer.wait(33)
    assert brief(peer.receive(request("OPTIONS"))[0]) == "200 OPTIONS"


def test_nothing_is_left_behind_by_a_thousand_calls() -> None:
    peer = Peer()
    for number in range(1000):
        peer.receive(request("INVITE", body=OFFER, branch=f"z9hG4bK{number}", call_id=f"c{number}"))
        peer.events(IncomingCall)[-1].call.reject(486, peer.now)
        peer.wait(1)
    peer.wait(70)
    assert peer.ua.calls == ()
    assert peer.ua.deadline is None
    assert len(peer.events(Ended)) == 1000


def test_keep_alives_in_datagrams_are_dropped() -> None:
    peer = Peer()
    assert peer.receive(b"\r\n\r\n") == []
    assert peer.receive(b"\0\0\0\0") == []
    assert peer.ua.drops["keep-alive"] == 2


def test_a_caller_of_rfc_2543_without_a_branch_and_without_a_tag() -> None:
    peer = Peer()
    old = invite().replace(";branch=z9hG4bKtheirs", "").replace(";tag=them", "")
    peer.receive(old)
    call = peer.events(IncomingCall)[0].call
    call.accept(ANSWER, peer.now)
    [ok] = peer.drain()
    assert peer.receive(old) == []
    ack = old.replace("INVITE", "ACK").replace(
        "To: <sip:us@example.org>", f"To: {header(ok, 'To')}"
    )
    peer.receive(ack)
    assert peer.events(Confirmed)
    assert peer.flow.remote == THEM


def test_an_update_before_our_answer_has_to_wait() -> None:
    peer = Peer()
    peer.rung().ring(peer.now)
    peer.drain()
    [refusal] = peer.receive(peer.in_dialog("UPDATE", body=OFFER))
    assert refusal.startswith("SIP/2.0 500 ")
    assert header(refusal, "Retry-After")
