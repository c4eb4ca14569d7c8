"""RFC 7616, RFC 8760: who we are, and who they are."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest

from bridge.sip import CallEnd, Challenge, Credentials, IncomingCall
from bridge.sip.digest import digest
from tests.bridge.sip.network import ANSWER, Network, brief, header
from tests.bridge.sip.peer import Peer, request, response, settings

ME = Credentials("bob", "zanzibar")


def field(message: str, name: str, of: str = "Authorization") -> str:
    found = re.search(rf'{name}="?([^",]+)', header(message, of))
    return found[1] if found else ""


def test_the_example_of_rfc_2617() -> None:
    ha1 = digest("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    ha2 = digest("MD5", "GET", "/dir/index.html")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert digest("MD5", ha1, nonce, "00000001", "0a4f113b", "auth", ha2) == (
        "6629fae49393a05397450978507c4ef1"
    )


@pytest.mark.parametrize(
    ("status", "asks", "tells"),
    [
        (401, "WWW-Authenticate", "Authorization"),
        (407, "Proxy-Authenticate", "Proxy-Authorization"),
    ],
)
def test_a_challenge_is_answered_once(status: int, asks: str, tells: str) -> None:
    peer = Peer()
    _, invite = peer.dialled(credentials=ME)
    challenge = {asks: 'Digest realm="x, y", nonce="n1", qop="auth,auth-int", opaque="o"'}
    ack, again = peer.receive(response(invite, status, more=challenge))
    assert brief(ack) == "ACK"
    assert header(again, "Call-ID") == header(invite, "Call-ID")
    assert header(again, "From") == header(invite, "From")
    assert int(header(again, "CSeq").split()[0]) == int(header(invite, "CSeq").split()[0]) + 1
    assert header(again, "Via") != header(invite, "Via")
    told = {
        name: field(again, name, tells)
        for name in ("username", "realm", "nonce", "uri", "nc", "cnonce", "opaque", "qop")
    }
    ha1 = hashlib.md5(b"bob:x, y:zanzibar", usedforsecurity=False).hexdigest()
    uri = "sip:+911234567890@192.0.2.2"
    ha2 = hashlib.md5(f"INVITE:{uri}".encode(), usedforsecurity=False).hexdigest()
    wanted = f"{ha1}:n1:00000001:{told['cnonce']}:auth:{ha2}"
    assert field(again, "response", tells) == hashlib.md5(wanted.encode()).hexdigest()
    assert (told["nc"], told["opaque"], told["uri"]) == ("00000001", "o", uri)
    peer.receive(response(again, status, more=challenge))
    assert peer.end().end == CallEnd("them", "unauthorized", False, status, "X")


def test_the_ack_and_later_requests_bear_the_credentials() -> None:
    peer = Peer()
    call, invite = peer.dialled(credentials=ME)
    challenge = {"WWW-Authenticate": 'Digest realm="x", nonce="n1", algorithm=SHA-256, qop="auth"'}
    _, again = peer.receive(response(invite, 401, more=challenge))
    assert field(again, "algorithm") == "SHA-256"
    assert len(field(again, "response")) == 64
    [ack] = peer.receive(response(again, 200, body=ANSWER))
    assert header(ack, "Authorization") == header(again, "Authorization")
    call.hang_up(peer.now)
    [bye] = peer.drain()
    assert field(bye, "nc") == "00000002"


def test_a_stale_nonce_is_replaced_and_endless_staleness_is_not_followed() -> None:
    peer = Peer()
    _, invite = peer.dialled(credentials=ME)
    tries = 0
    while invite:
        tries += 1
        more = {"WWW-Authenticate": f'Digest realm="x", nonce="n{tries}", stale=true'}
        sent = peer.receive(response(invite, 401, more=more))
        invite = sent[1] if len(sent) > 1 else ""
    assert tries == 4
    assert peer.end().end.reason == "unauthorized"


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="x"',
        'Digest realm="x", nonce="n", algorithm=SHA-512',
        'Digest realm="x", nonce="n", qop="auth-int"',
        'Digest realm="x',
        "Digest",
        "",
    ],
)
def test_what_we_cannot_answer_is_the_end(challenge: str) -> None:
    peer = Peer()
    _, invite = peer.dialled(credentials=ME)
    peer.receive(response(invite, 401, more={"WWW-Authenticate": challenge}))
    assert peer.end().end.reason == "unauthorized"


def test_without_credentials_a_challenge_is_a_refusal() -> None:
    peer = Peer()
    _, invite = peer.dialled()
    peer.receive(response(invite, 401, more={"WWW-Authenticate": 'Digest realm="x", nonce="n"'}))
    assert peer.end().end.reason == "unauthorized"


CHALLENGING = replace(settings(), challenge=Challenge("here", {"bob": "zanzibar"}))


@pytest.mark.parametrize(("password", "in_"), [("zanzibar", True), ("timbuktu", False)])
def test_callers_are_asked_who_they_are(password: str, in_: bool) -> None:
    network = Network("udp", bob=CHALLENGING)
    call = network.dial(credentials=Credentials("bob", password))
    network.run(1)
    assert bool(network.bob.events(IncomingCall)) is in_
    assert (call.state == "ended") is not in_
    assert "SHA-256" in network.alice.sent[-1] or not in_


def test_an_answer_is_good_once_and_not_for_ever() -> None:
    peer = Peer(given=CHALLENGING)
    [challenge] = peer.receive(request("INVITE"))
    nonce = field(challenge, "nonce", "WWW-Authenticate")
    ha2 = digest("SHA-256", "INVITE", "sip:us@192.0.2.1")
    ha1 = digest("SHA-256", "bob", "here", "zanzibar")
    told = digest("SHA-256", ha1, nonce, "00000001", "c", "auth", ha2)
    answer = (
        f'Digest username="bob", realm="here", nonce="{nonce}", uri="sip:us@192.0.2.1", '
        f'algorithm=SHA-256, response="{told}", qop=auth, nc=00000001, cnonce="c"'
    )

    def call(number: int) -> str:
        more = {"Authorization": answer}
        return request(
            "INVITE", branch=f"z9hG4bK{number}", call_id=f"c{number}", more=more, body=ANSWER
        )

    assert peer.receive(call(1)) == []
    assert len(peer.events(IncomingCall)) == 1
    [replayed] = peer.receive(call(2))
    assert "stale=true" in header(replayed, "WWW-Authenticate")
    forged = call(3).replace(nonce, "0." + nonce)
    assert "stale" not in peer.receive(forged)[0]
    peer.now += 400
    assert "stale=true" in peer.receive(call(4))[0]
    assert len(peer.events(IncomingCall)) == 1


def test_a_new_nonce_for_every_request_is_answered_for_every_request() -> None:
    peer = Peer()
    call, invite = peer.dialled(credentials=ME)

    def asked(nonce: str) -> dict[str, str]:
        return {"WWW-Authenticate": f'Digest realm="x", nonce="{nonce}", qop="auth"'}

    _, again = peer.receive(response(invite, 401, more=asked("n1")))
    peer.receive(response(again, 200, body=ANSWER))
    call.offer("hold", peer.now)
    [hold] = peer.drain()
    _, hold = peer.receive(response(hold, 401, more=asked("n2")))
    assert (field(hold, "nonce"), field(hold, "nc")) == ("n2", "00000001")
    peer.receive(response(hold, 200, body=ANSWER))
    call.hang_up(peer.now)
    [bye] = peer.drain()
    [bye] = peer.receive(response(bye, 401, more=asked("n3")))
    assert field(bye, "nonce") == "n3"
