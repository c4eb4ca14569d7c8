"""Offers inside a call: hold and resume, both ways, and when both sides want at once."""

from __future__ import annotations

import pytest

from bridge.sip import (
    Answered,
    Call,
    CallEnd,
    Ended,
    IncomingCall,
    OfferAnswered,
    OfferFailed,
    OfferReceived,
    Transport,
)
from tests.bridge.sip.network import ANSWER, OFFER, Network, brief, header
from tests.bridge.sip.peer import Peer, response

HOLD = ANSWER + "a=sendonly\r\n"
HELD = OFFER + "a=recvonly\r\n"


def confirmed(peer: Peer) -> Call:
    """A call of theirs with everything of its beginning done."""
    call = peer.rung()
    call.accept(ANSWER, peer.now)
    peer.drain()
    peer.receive(peer.ack())
    return call


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_they_hold_us(transport: Transport, direction: str) -> None:
    peer = Peer(transport)
    call = peer.answered() if direction == "out" else confirmed(peer)
    assert peer.receive(peer.in_dialog("INVITE", body=HOLD, cseq=200)) == []
    assert peer.events(OfferReceived)[-1].sdp == HOLD
    call.answer(HELD, peer.now)
    [ok] = peer.drain()
    assert brief(ok) == "200 INVITE"
    assert ok.endswith(HELD)
    assert header(ok, "Contact").startswith("<sip:switchboard@192.0.2.1:5060")
    assert peer.wait(0.6) == [ok]
    peer.receive(peer.ack(cseq=200))
    assert peer.wait(60) == []
    assert call.state == "answered"


def test_they_ask_us_for_an_offer() -> None:
    peer = Peer()
    call = peer.answered()
    peer.receive(peer.in_dialog("INVITE", cseq=200))
    assert peer.events(OfferReceived)[0].sdp is None
    call.answer(OFFER, peer.now)
    [ok] = peer.drain()
    assert ok.endswith(OFFER)
    peer.receive(peer.ack(HOLD, cseq=200))
    assert peer.events(OfferAnswered)[0].sdp == HOLD


def test_an_offer_that_does_not_fit_is_refused_and_the_call_lives() -> None:
    peer = Peer()
    call = peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=HOLD))
    call.refuse_offer(488, peer.now)
    assert [brief(each) for each in peer.drain()] == ["488 INVITE"]
    assert call.state == "answered"


def test_a_reinvite_moves_the_remote_target() -> None:
    peer = Peer()
    call = peer.answered()
    moved = peer.in_dialog("INVITE", body=HOLD, cseq=200).replace(
        "Contact: <sip:them@192.0.2.2:5060>", "Contact: <sip:them@192.0.2.66:5099>"
    )
    peer.receive(moved)
    call.answer(HELD, peer.now)
    peer.drain()
    peer.receive(peer.ack(cseq=200))
    call.hang_up(peer.now)
    assert peer.drain()[0].startswith("BYE sip:them@192.0.2.66:5099 ")
    assert str(peer.out[-1].destination) == "192.0.2.66:5099"


def test_we_hold_and_every_repeated_200_is_acked() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    call.offer(HOLD, peer.now)
    [reinvite] = peer.drain()
    assert reinvite.startswith("INVITE sip:them@192.0.2.2:5060 ")
    ok = response(reinvite, 200, body=HELD)
    [ack] = peer.receive(ok)
    assert header(ack, "CSeq").split()[0] == header(reinvite, "CSeq").split()[0]
    assert peer.receive(ok) == [ack]
    assert peer.events(OfferAnswered)[0].sdp == HELD


def test_we_ask_them_for_an_offer() -> None:
    peer = Peer()
    call = peer.answered()
    call.offer(None, peer.now)
    [reinvite] = peer.drain()
    assert header(reinvite, "Content-Length") == "0"
    assert peer.receive(response(reinvite, 200, body=HOLD)) == []
    assert peer.events(OfferReceived)[0].sdp == HOLD
    call.answer(HELD, peer.now)
    [ack] = peer.drain()
    assert ack.endswith(HELD)


def test_offers_wait_for_each_other_and_the_last_one_counts() -> None:
    peer = Peer()
    call = peer.answered()
    call.offer("one", peer.now)
    call.offer("two", peer.now)
    call.offer(lambda: "three", peer.now)
    [first] = peer.drain()
    ack, second = peer.receive(response(first, 200, body=HELD))
    assert (brief(ack), brief(second)) == ("ACK", "INVITE")
    assert second.endswith("three")


def test_an_offer_of_ours_that_is_refused_leaves_the_call_as_it_was() -> None:
    peer = Peer()
    call = peer.answered()
    call.offer(HOLD, peer.now)
    [reinvite] = peer.drain()
    assert [brief(each) for each in peer.receive(response(reinvite, 488))] == ["ACK"]
    assert peer.events(OfferFailed)[0].status == 488
    assert call.state == "answered"


@pytest.mark.parametrize("status", [408, 481])
def test_a_dialog_that_they_do_not_know_is_over(status: int) -> None:
    peer = Peer()
    call = peer.answered()
    call.offer(HOLD, peer.now)
    [reinvite] = peer.drain()
    sent = peer.receive(response(reinvite, status))
    assert [brief(each) for each in sent] == ["ACK", "BYE"]
    assert peer.end().end == CallEnd("network", "dialog-lost", True, 200)


def test_nobody_answers_our_offer() -> None:
    peer = Peer()
    call = peer.answered()
    call.offer(HOLD, peer.now)
    peer.wait(33)
    assert peer.starts()[-1] == "BYE"
    assert peer.end().end == CallEnd("network", "no-response", True, 200)


def test_an_offer_that_only_rings_is_withdrawn() -> None:
    peer = Peer()
    call = peer.answered()
    call.offer(HOLD, peer.now)
    [reinvite] = peer.drain()
    peer.receive(response(reinvite, 100))
    assert [brief(each) for each in peer.wait(21)][:1] == ["CANCEL"]
    peer.receive(response(reinvite, 487))
    assert peer.events(OfferFailed)[0].status == 487
    assert call.state == "answered"


@pytest.mark.parametrize(("direction", "least", "most"), [("out", 2.1, 4.0), ("in", 0.0, 2.0)])
def test_glare_waits_by_who_owns_the_call_id(direction: str, least: float, most: float) -> None:
    peer = Peer()
    call = peer.answered() if direction == "out" else confirmed(peer)
    call.offer(lambda: HOLD, peer.now)
    [reinvite] = peer.drain()
    assert [brief(each) for each in peer.receive(peer.in_dialog("INVITE", body=HOLD))] == [
        "491 INVITE"
    ]
    peer.receive(response(reinvite, 491))
    began = peer.now
    again = peer.wait(least - 0.01) if least else []
    again += peer.wait(most - (peer.now - began) + 0.01)
    [retried] = [each for each in again if brief(each) == "INVITE" and each != reinvite][:1]
    assert retried.endswith(HOLD)
    assert int(header(retried, "CSeq").split()[0]) == int(header(reinvite, "CSeq").split()[0]) + 1
    when = peer.times[peer.sent.index(retried)] - began
    assert least <= when <= most + 0.01
    assert not peer.events(OfferFailed)


def test_two_sides_that_hold_at_once_both_get_their_way() -> None:
    for seed in range(1, 30):
        network = Network("tcp", seed=seed)
        ours, theirs = network.answered_call()
        for side in network.sides:
            side.on_event = lambda event, now: (
                event.call.answer(HELD, now) if isinstance(event, OfferReceived) else None
            )
        ours.offer(HOLD, network.now)
        theirs.offer(HOLD, network.now)
        network.run(10)
        assert "491 INVITE" in network.bob.starts()
        assert network.alice.events(OfferAnswered)
        assert network.bob.events(OfferAnswered)
        assert (ours.state, theirs.state) == ("answered", "answered")


def test_overlapping_and_old_requests_are_refused_with_500() -> None:
    peer = Peer()
    peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=HOLD, cseq=200))
    [overlapping] = peer.receive(peer.in_dialog("INVITE", body=HOLD, cseq=201))
    [old] = peer.receive(peer.in_dialog("INFO", cseq=199))
    for refusal in (overlapping, old):
        assert refusal.startswith("SIP/2.0 500 ")
        assert 0 <= int(header(refusal, "Retry-After")) <= 10


def test_a_reinvite_that_they_withdraw() -> None:
    peer = Peer()
    peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=HOLD, cseq=200, branch="z9hG4bKx"))
    sent = peer.receive(peer.in_dialog("CANCEL", cseq=200, branch="z9hG4bKx"))
    assert [brief(each) for each in sent] == ["200 CANCEL", "487 INVITE"]
    assert peer.events(OfferFailed)[0].status == 487


def test_nobody_of_ours_answers_a_reinvite() -> None:
    peer = Peer()
    peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=HOLD))
    sent = peer.wait(21)
    assert [brief(each) for each in sent][:2] == ["100 INVITE", "500 INVITE"]


def test_a_bye_in_the_middle_of_a_reinvite() -> None:
    peer = Peer()
    peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=HOLD))
    sent = peer.receive(peer.in_dialog("BYE"))
    assert [brief(each) for each in sent] == ["200 BYE", "487 INVITE"]
    assert peer.end().end.reason == "hung-up"


def test_an_unacked_200_to_a_reinvite_ends_the_call() -> None:
    peer = Peer()
    call = peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=HOLD))
    call.answer(HELD, peer.now)
    peer.wait(33)
    assert peer.end().end == CallEnd("network", "ack-timeout", True, 200)
    assert peer.starts()[-1] == "BYE"


def test_update_with_and_without_an_offer() -> None:
    peer = Peer()
    call = peer.answered()
    assert [brief(each) for each in peer.receive(peer.in_dialog("UPDATE"))] == ["200 UPDATE"]
    assert peer.receive(peer.in_dialog("UPDATE", body=HOLD)) == []
    call.answer(HELD, peer.now)
    [ok] = peer.drain()
    assert brief(ok) == "200 UPDATE"
    assert ok.endswith(HELD)
    call.offer(HOLD, peer.now)
    assert [brief(each) for each in peer.drain()] == ["INVITE"]
    assert [brief(each) for each in peer.receive(peer.in_dialog("UPDATE", body=HOLD))] == [
        "491 UPDATE"
    ]


def test_a_body_that_is_no_sdp() -> None:
    peer = Peer()
    peer.answered()
    [refusal] = peer.receive(peer.in_dialog("INVITE", body="x", kind="text/plain"))
    assert refusal.startswith("SIP/2.0 415 ")
    assert header(refusal, "Accept") == "application/sdp"


def test_a_late_200_of_an_older_reinvite_is_acked_and_is_no_answer_to_the_next() -> None:
    peer = Peer("udp")
    call = peer.answered()
    call.offer("one", peer.now)
    [first] = peer.drain()
    ok = response(first, 200, body=HELD)
    [ack] = peer.receive(ok)
    call.offer("two", peer.now)
    [second] = peer.drain()
    assert peer.receive(ok) == [ack]
    assert len(peer.events(OfferAnswered)) == 1
    peer.receive(response(second, 200, body=HELD))
    assert len(peer.events(OfferAnswered)) == 2


def test_offers_make_no_sense_before_the_answer() -> None:
    peer = Peer()
    call, _ = peer.dialled()
    with pytest.raises(ValueError, match="Before the call is answered"):
        call.offer(HOLD, peer.now)


def test_a_hundred_holds_and_resumes() -> None:
    network = Network("tcp")
    ours, theirs = network.answered_call()
    network.bob.on_event = lambda event, now: (
        event.call.answer(HELD, now) if isinstance(event, OfferReceived) else None
    )
    for number in range(100):
        ours.offer(f"{HOLD}{number}", network.now)
        network.run(0.1)
    assert len(network.alice.events(OfferAnswered)) == 100
    theirs.hang_up(network.now)
    network.run(40)
    assert [each.end.by for each in (*network.alice.ends(), *network.bob.ends())] == ["them", "us"]
    assert not network.alice.ua.deadline
    assert network.alice.events(Answered)
    assert network.bob.events(IncomingCall)
    assert len(network.bob.events(Ended)) == 1


def test_an_offer_that_they_have_no_time_for_is_made_again_but_not_for_ever() -> None:
    peer = Peer()
    call = peer.answered()
    call.offer(HOLD, peer.now)
    [reinvite] = peer.drain()
    tries = 1
    peer.receive(response(reinvite, 500, more={"Retry-After": "3"}))
    while not peer.events(OfferFailed):
        again = [each for each in peer.wait(4.1) if brief(each) == "INVITE"]
        tries += 1
        peer.receive(response(again[0], 491))
    assert tries == 9
    assert call.state == "answered"
