"""RFC 4028: sessions that are refreshed, and those that are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.sip import CallEnd, Ended, OfferAnswered, UserAgentSettings
from tests.bridge.sip.network import ANSWER, OFFER, Network, brief, header
from tests.bridge.sip.peer import US, Peer, response, settings

ASKED = {"Supported": "timer", "Session-Expires": "120;refresher=uas", "Allow": "INVITE, UPDATE"}


def accepted(more: dict[str, str]) -> tuple[Peer, str]:
    peer = Peer()
    call = peer.rung(more=more)
    call.accept(ANSWER, peer.now)
    [ok] = peer.drain()
    peer.receive(peer.ack())
    return peer, ok


@pytest.mark.parametrize(
    ("more", "header_value", "required"),
    [
        (ASKED, "120;refresher=uas", "timer"),
        ({**ASKED, "Session-Expires": "120"}, "120;refresher=uac", "timer"),
        (
            {**ASKED, "x": "200;refresher=uac", "Session-Expires": "200"},
            "200;refresher=uac",
            "timer",
        ),
        ({"Session-Expires": "120"}, "120;refresher=uas", ""),
        ({"Supported": "timer"}, "", ""),
        ({"Session-Expires": "0"}, "", ""),
        ({"Session-Expires": "3"}, "", ""),
        ({"Session-Expires": "soon", "Supported": "timer"}, "", ""),
    ],
)
def test_what_we_agree_to(more: dict[str, str], header_value: str, required: str) -> None:
    _, ok = accepted(more)
    assert header(ok, "Session-Expires") == header_value
    assert header(ok, "Require") == required


def test_we_refresh_by_update_at_half_time() -> None:
    peer, _ = accepted(ASKED)
    assert peer.wait(59) == []
    [update] = peer.wait(1.1)
    assert brief(update) == "UPDATE"
    assert header(update, "Session-Expires") == "120;refresher=uac"
    assert header(update, "Content-Length") == "0"
    peer.receive(response(update, 200, more={"Session-Expires": "120;refresher=uac"}))
    [again] = peer.wait(60.1)
    assert brief(again) == "UPDATE"


def test_without_update_we_refresh_by_the_same_offer_again() -> None:
    peer, _ = accepted({**ASKED, "Allow": "INVITE, ACK, BYE"})
    [reinvite] = peer.wait(60.1)
    assert brief(reinvite) == "INVITE"
    assert reinvite.endswith(ANSWER)
    peer.receive(response(reinvite, 200, body=OFFER, more={"Session-Expires": "120"}))
    assert not peer.events(OfferAnswered)


def test_they_do_not_refresh() -> None:
    peer, _ = accepted({**ASKED, "Session-Expires": "120;refresher=uac"})
    assert peer.wait(87) == []
    bye, *_ = peer.wait(2)
    assert brief(bye) == "BYE"
    assert "Session timer expired" in header(bye, "Reason")
    assert peer.end().end == CallEnd("network", "session-expired", True, 200)


def test_their_refresh_keeps_the_call_and_silence_about_it_ends_the_timer() -> None:
    peer, _ = accepted({**ASKED, "Session-Expires": "120;refresher=uac"})
    peer.wait(80)
    refresh = {"Supported": "timer", "Session-Expires": "120;refresher=uac"}
    [ok] = peer.receive(peer.in_dialog("UPDATE", more=refresh))
    assert header(ok, "Session-Expires") == "120;refresher=uac"
    assert peer.wait(80) == []
    peer.receive(peer.in_dialog("UPDATE"))
    assert peer.wait(1000) == []


def test_a_refresh_that_nobody_answers_ends_the_call() -> None:
    peer, _ = accepted(ASKED)
    peer.wait(119)
    assert not peer.events(Ended)
    peer.wait(2)
    assert peer.end().end.reason == "session-expired"


def test_we_ask_for_a_session_timer_and_they_want_it_longer() -> None:
    peer = Peer(given=UserAgentSettings({"udp": US}, session_expires=90))
    call, invite = peer.dialled()
    assert header(invite, "Session-Expires") == "90"
    assert header(invite, "Min-SE") == "90"
    ack, again = peer.receive(response(invite, 422, more={"Min-SE": "600"}))
    assert brief(ack) == "ACK"
    assert header(again, "Session-Expires") == "600"
    assert header(again, "Min-SE") == "600"
    peer.receive(response(again, 422, more={"Min-SE": "600"}))
    assert peer.end().end.sip_status == 422
    assert call.state == "ended"


def test_both_sides_of_ours_keep_a_call_for_an_hour() -> None:
    given = replace(settings(), session_expires=120)
    network = Network("tcp", alice=given)
    ours, theirs = network.answered_call()
    network.run(3600)
    assert (ours.state, theirs.state) == ("answered", "answered")
    assert network.alice.starts().count("UPDATE") >= 50
    network.cut()
    network.reachable = False
    network.run(120)
    assert network.alice.ends()[0].end.reason == "connection-lost"


def test_a_session_too_short_is_refused_inside_a_call_too() -> None:
    peer, _ = accepted(ASKED)
    more = {"Supported": "timer", "Session-Expires": "10"}
    [refusal] = peer.receive(peer.in_dialog("UPDATE", more=more))
    assert brief(refusal) == "422 UPDATE"
    assert header(refusal, "Min-SE") == "90"


def test_a_2xx_with_an_interval_that_is_too_short_does_not_end_the_call_at_once() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    more = {"Session-Expires": "3;refresher=uac", "Allow": "UPDATE"}
    peer.receive(response(invite, 200, body=ANSWER, more=more))
    for _ in range(5):
        [update] = peer.wait(1.6)
        assert brief(update) == "UPDATE"
        peer.receive(response(update, 200, more=more))
    assert "BYE" in [brief(each) for each in peer.wait(3.1)]


def test_a_refresh_that_is_refused_is_tried_again_and_by_the_other_method() -> None:
    peer, _ = accepted(ASKED)
    update = peer.wait(60.1)[0]
    peer.receive(response(update, 491))
    again = next(each for each in peer.wait(4.1) if each != update)
    assert brief(again) == "UPDATE"
    [reinvite] = peer.receive(response(again, 405))
    assert brief(reinvite) == "INVITE"
    peer.receive(response(reinvite, 200, body=OFFER, more={"Session-Expires": "120"}))
    assert not peer.events(OfferAnswered)
    assert peer.wait(50) == []
