"""TCP and TLS: connections that are lost, and dialogs that outlive them, or do not."""

from __future__ import annotations

from bridge.sip import (
    Address,
    Answered,
    CallEnd,
    Ended,
    Flow,
    OfferAnswered,
    OfferFailed,
    OfferReceived,
    Reattached,
)
from tests.bridge.sip.network import ANSWER, OFFER, Network, brief, header
from tests.bridge.sip.peer import THEM, US, Peer, response

ANOTHER = Flow("tcp", US, Address("192.0.2.2", 50_001), 2)


def lost(peer: Peer) -> None:
    peer.ua.flow_lost(peer.flow, peer.now)
    peer.drain()


def test_the_far_side_comes_back_on_another_connection() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    lost(peer)
    assert call.flow is None
    peer.wait(5)
    peer.receive(peer.in_dialog("INVITE", body=OFFER), ANOTHER)
    assert peer.events(Reattached)
    assert peer.events(OfferReceived)
    call.answer(ANSWER, peer.now)
    peer.drain()
    assert peer.out[-1].flow == ANOTHER
    peer.receive(peer.ack(cseq=101), ANOTHER)
    peer.wait(100)
    assert call.state == "answered"
    call.hang_up(peer.now)
    peer.drain()
    assert peer.out[-1].flow == ANOTHER


def test_we_ask_for_it_and_it_answers() -> None:
    network = Network("tcp")
    ours, theirs = network.answered_call()
    network.cut()
    network.run(120)
    assert (ours.state, theirs.state) == ("answered", "answered")
    assert network.alice.events(Reattached)
    assert "OPTIONS" in network.alice.starts()


def test_it_never_comes_back() -> None:
    peer = Peer("tcp")
    peer.answered()
    lost(peer)
    sent = peer.wait(31)
    assert [brief(each) for each in sent] == ["OPTIONS", "BYE"]
    assert (peer.out[-1].flow, peer.out[-1].destination) == (None, THEM)
    assert peer.end().end == CallEnd("network", "connection-lost", True, 200)


def test_it_comes_back_and_knows_nothing() -> None:
    peer = Peer("tcp")
    peer.answered()
    lost(peer)
    [options] = peer.wait(11)
    assert [brief(each) for each in peer.receive(response(options, 481), ANOTHER)] == ["BYE"]
    assert peer.end().end == CallEnd("network", "connection-lost", True, 200)


def test_our_requests_open_a_connection_to_the_remote_target() -> None:
    peer = Peer("tcp")
    call = peer.answered(contact="<sip:them@192.0.2.2:5077;transport=tcp>")
    lost(peer)
    call.hang_up(peer.now)
    assert [brief(each) for each in peer.drain()] == ["BYE"]
    assert (peer.out[-1].flow, peer.out[-1].destination) == (None, Address("192.0.2.2", 5077))
    assert peer.end().end == CallEnd("us", "hung-up", True, 200)


def test_lost_while_it_rings_there_is_no_second_invite() -> None:
    peer = Peer("tcp")
    call, invite = peer.dialled()
    peer.receive(response(invite, 100))
    lost(peer)
    assert peer.wait(9) == []
    peer.receive(response(invite, 200, body=ANSWER), ANOTHER)
    assert peer.events(Answered)
    assert call.state == "answered"
    assert peer.out[-1].flow == ANOTHER or peer.out[-1].destination == THEM
    assert peer.starts().count("INVITE") == 1


def test_lost_while_ringing_is_cancelled_by_another_connection() -> None:
    peer = Peer("tcp")
    _, invite = peer.dialled()
    peer.receive(response(invite, 180))
    lost(peer)
    sent = peer.wait(31)
    assert [brief(each) for each in sent] == ["CANCEL"]
    assert peer.out[-1].flow is None
    assert peer.end().end == CallEnd("network", "connection-lost", False)
    # It was answered after all: nobody may go on paying for it.
    late = peer.receive(response(invite, 200, body=ANSWER), ANOTHER)
    assert [brief(each) for each in late] == ["ACK", "BYE"]
    assert len(peer.events(Ended)) == 1


def test_lost_while_a_caller_waits() -> None:
    peer = Peer("tcp")
    peer.rung().ring(peer.now)
    peer.drain()
    lost(peer)
    sent = peer.wait(31)
    assert [brief(each) for each in sent] == ["480 INVITE"]
    assert peer.out[-1].destination == THEM
    assert peer.end().end == CallEnd("network", "connection-lost", False, 480)


def test_a_caller_who_comes_back_gets_the_answer_there() -> None:
    peer = Peer("tcp")
    call = peer.rung()
    call.ring(peer.now)
    peer.drain()
    lost(peer)
    from tests.bridge.sip.peer import invite

    peer.receive(invite(transport="tcp"), ANOTHER)
    call.accept(ANSWER, peer.now)
    peer.drain()
    assert peer.out[-1].flow == ANOTHER
    peer.receive(peer.ack(), ANOTHER)
    peer.wait(60)
    assert call.state == "answered"


def test_lost_in_the_middle_of_our_offer() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    call.offer("hold", peer.now)
    [reinvite] = peer.drain()
    lost(peer)
    # The very same once more: whoever had it before knows it by its branch.
    assert peer.sent[-1] == reinvite
    peer.receive(response(reinvite, 200, body=ANSWER), ANOTHER)
    assert not peer.events(OfferFailed)
    assert call.state == "answered"


def test_a_bye_in_flight_is_said_again_on_a_new_connection() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    call.hang_up(peer.now)
    [bye] = peer.drain()
    peer.ua.flow_lost(peer.flow, peer.now)
    assert peer.drain() == [bye]
    assert peer.out[-1].flow is None


def test_a_contact_where_nobody_listens_falls_back_to_the_connection() -> None:
    peer = Peer("tcp")
    _, invite = peer.dialled()
    peer.receive(response(invite, 200, contact="<sip:them@192.0.2.55:5060>", body=ANSWER))
    ack = peer.out[-1]
    assert (ack.flow, ack.destination) == (None, Address("192.0.2.55", 5060))
    peer.ua.unreachable(ack, peer.now)
    [again] = peer.drain()
    assert again == ack.data.decode()
    assert peer.out[-1].flow == peer.flow


def test_the_other_calls_of_another_connection_mind_nothing() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    peer.ua.flow_lost(ANOTHER, peer.now)
    assert peer.wait(100) == []
    assert call.state == "answered"
    assert header(peer.sent[0], "Via").startswith("SIP/2.0/TCP")


def test_both_sides_lose_everything_and_both_end_once() -> None:
    network = Network("tls")
    network.answered_call()
    network.cut()
    network.reachable = False
    network.run(200)
    assert [each.end.reason for each in network.alice.ends()] == ["connection-lost"]
    assert [each.end.reason for each in network.bob.ends()] == ["connection-lost"]
    assert network.alice.ua.deadline is None
    assert network.bob.ua.deadline is None


def test_lost_with_our_offer_on_its_way() -> None:
    network = Network("tcp")
    ours, theirs = network.answered_call()
    network.bob.on_event = lambda event, now: (
        event.call.answer(ANSWER, now) if isinstance(event, OfferReceived) else None
    )
    ours.offer(OFFER, network.now)
    network.cut()
    network.run(5)
    assert network.alice.events(OfferAnswered)
    assert (ours.state, theirs.state) == ("answered", "answered")


def test_lost_with_their_answer_on_its_way() -> None:
    network = Network("tcp")
    ours, theirs = network.answered_call()
    network.bob.on_event = lambda event, now: (
        event.call.answer(ANSWER, now) if isinstance(event, OfferReceived) else None
    )
    ours.offer(OFFER, network.now)
    network.run(0.03)
    assert network.bob.starts()[-1] == "200 INVITE"
    network.cut()
    network.run(5)
    assert network.alice.events(OfferAnswered)
    network.run(100)
    assert (ours.state, theirs.state) == ("answered", "answered")


def test_an_answer_into_a_dead_connection_takes_a_new_one() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    peer.receive(peer.in_dialog("INVITE", body=OFFER))
    call.answer(ANSWER, peer.now)
    peer.drain()
    dead = peer.out[-1]
    assert dead.flow == peer.flow
    peer.ua.unreachable(dead, peer.now)
    peer.drain()
    assert brief(peer.wait(0.6)[0]) == "200 INVITE"
    assert (peer.out[-1].flow, peer.out[-1].destination) == (None, THEM)


def test_lost_before_any_answer_they_may_answer_by_another_connection() -> None:
    peer = Peer("tcp")
    call, invite = peer.dialled()
    lost(peer)
    assert peer.wait(3) == []
    peer.receive(response(invite, 200, body=ANSWER), ANOTHER)
    assert call.state == "answered"
    assert peer.starts() == ["INVITE", "ACK"]


def test_lost_before_any_answer_it_is_over_soon() -> None:
    peer = Peer("tcp")
    _, invite = peer.dialled()
    lost(peer)
    assert peer.wait(5.1) == []
    assert peer.end().end == CallEnd("network", "connection-lost", False)
    late = peer.receive(response(invite, 200, body=ANSWER), ANOTHER)
    assert [brief(each) for each in late] == ["ACK", "BYE"]


def test_a_second_connection_that_comes_and_goes_leaves_the_first_one() -> None:
    peer = Peer("tcp")
    call = peer.answered()
    peer.receive(peer.in_dialog("OPTIONS"), ANOTHER)
    assert call.flow == ANOTHER
    peer.ua.flow_lost(ANOTHER, peer.now)
    assert peer.wait(60) == []
    assert call.flow == peer.flow
    call.hang_up(peer.now)
    peer.drain()
    assert peer.out[-1].flow == peer.flow
