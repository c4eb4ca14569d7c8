"""RFC 3262: provisional answers that must arrive."""

from __future__ import annotations

from bridge.sip import Answered, CallEnd, OfferAnswered, Progress
from tests.bridge.sip.network import ANSWER, OFFER, brief, header
from tests.bridge.sip.peer import Peer, response

RELIABLE = {"Require": "100rel"}


def test_their_reliable_ringing_gets_a_prack_once() -> None:
    peer = Peer()
    call, invite = peer.dialled()
    assert "100rel" in header(invite, "Supported")
    cseq = header(invite, "CSeq")
    ringing = response(invite, 180, more={**RELIABLE, "RSeq": "9021"})
    [prack] = peer.receive(ringing)
    assert prack.startswith("PRACK sip:them@192.0.2.2:5060 ")
    assert header(prack, "RAck") == f"9021 {cseq}"
    assert int(header(prack, "CSeq").split()[0]) == int(cseq.split()[0]) + 1
    assert peer.receive(ringing) == []
    peer.receive(response(prack, 200))
    assert peer.receive(response(invite, 183, more={**RELIABLE, "RSeq": "9023"})) == []
    [second] = peer.receive(response(invite, 183, body=ANSWER, more={**RELIABLE, "RSeq": "9022"}))
    assert header(second, "RAck") == f"9022 {cseq}"
    assert [each.status for each in peer.events(Progress)] == [180, 183]
    peer.receive(response(invite, 200))
    assert peer.events(Answered)[0].sdp == ANSWER
    call.hang_up(peer.now)
    bye = peer.drain()[-1]
    assert int(header(bye, "CSeq").split()[0]) == int(cseq.split()[0]) + 3


def test_who_requires_it_gets_ours_reliably() -> None:
    peer = Peer()
    call = peer.rung(more=RELIABLE)
    call.ring(peer.now)
    call.ring(peer.now, 183, ANSWER)
    [ringing] = peer.drain()
    assert header(ringing, "Require") == "100rel"
    sequence = int(header(ringing, "RSeq"))
    assert peer.wait(1.6) == [ringing, ringing]
    call.accept(ANSWER, peer.now)
    assert peer.drain() == []
    wrong = peer.in_dialog("PRACK", more={"RAck": f"{sequence + 1} 1 INVITE"})
    assert [brief(each) for each in peer.receive(wrong)] == ["481 PRACK"]
    right = peer.in_dialog("PRACK", more={"RAck": f"{sequence} 1 INVITE"})
    progress, ok = peer.receive(right)
    assert (brief(progress), brief(ok)) == ("183 INVITE", "200 PRACK")
    # The 200 waits, for the answer is in the 183 (RFC 3262 section 3).
    final = peer.in_dialog("PRACK", more={"RAck": f"{sequence + 1} 1 INVITE"})
    answers = [brief(each) for each in peer.receive(final)]
    assert sorted(answers) == ["200 INVITE", "200 PRACK"]
    ok = next(each for each in peer.sent if brief(each) == "200 INVITE")
    assert header(ok, "Content-Length") == "0"


def test_no_prack_at_all() -> None:
    peer = Peer()
    peer.rung(more=RELIABLE).ring(peer.now)
    peer.wait(33)
    assert "504 INVITE" in peer.starts()
    assert peer.end().end == CallEnd("network", "prack-timeout", False, 504)


def test_a_call_without_an_offer_gets_ours_in_the_reliable_183_and_theirs_in_the_prack() -> None:
    peer = Peer()
    call = peer.rung(offer="", more=RELIABLE)
    call.ring(peer.now, 183, OFFER)
    [progress] = peer.drain()
    rack = {"RAck": f"{header(progress, 'RSeq')} 1 INVITE"}
    peer.receive(peer.in_dialog("PRACK", body=ANSWER, more=rack))
    assert peer.events(OfferAnswered)[0].sdp == ANSWER
    call.accept(OFFER, peer.now)
    [ok] = peer.drain()
    assert header(ok, "Content-Length") == "0"
    peer.receive(peer.ack())
    assert call.state == "answered"
    assert not call.end


def test_a_prack_behind_the_final_answer_is_welcome() -> None:
    for final in ("accept", "reject"):
        peer = Peer()
        call = peer.rung(more=RELIABLE)
        call.ring(peer.now)
        [ringing] = peer.drain()
        if final == "accept":
            call.accept(ANSWER, peer.now)
        else:
            call.reject(486, peer.now)
        peer.drain()
        late = peer.in_dialog("PRACK", more={"RAck": f"{header(ringing, 'RSeq')} 1 INVITE"})
        assert [brief(each) for each in peer.receive(late)] == ["200 PRACK"]


def test_who_requires_it_and_made_no_offer_gets_no_ringing_without_ours() -> None:
    peer = Peer()
    call = peer.rung(offer="", more=RELIABLE)
    call.ring(peer.now)
    assert peer.drain() == []
    assert [brief(each) for each in peer.wait(0.3)] == ["100 INVITE"]
    call.accept(OFFER, peer.now)
    [ok] = peer.drain()
    assert ok.endswith(OFFER)


def test_an_update_with_an_offer_before_the_answer() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    ringing = {**RELIABLE, "RSeq": "1"}
    peer.receive(response(invite, 180, more=ringing))
    [ours_is_open] = peer.receive(peer.in_dialog("UPDATE", body=OFFER))
    assert brief(ours_is_open) == "491 UPDATE"
    peer.receive(response(invite, 183, body=ANSWER, more={**RELIABLE, "RSeq": "2"}))
    [refused] = peer.receive(peer.in_dialog("UPDATE", body=OFFER))
    assert brief(refused) == "488 UPDATE"
    [ok] = peer.receive(peer.in_dialog("UPDATE"))
    assert header(ok, "Contact") == "<sip:switchboard@192.0.2.1:5060>"
