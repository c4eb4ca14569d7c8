"""Everything else in a call: digits, transfers, questions, and strangers."""

from __future__ import annotations

import pytest

from bridge.sip import Address, Dtmf, Ended, Flow, ReferProgress, ReferReceived
from tests.bridge.sip.network import ANSWER, brief, header
from tests.bridge.sip.peer import US, Peer, request, response


@pytest.mark.parametrize(
    ("kind", "body", "digit", "ms"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5", 160),
        ("application/dtmf-relay", "Signal= #\r\nDuration= 250", "#", 250),
        ("application/dtmf-relay", "signal=11\nduration=999999", "#", 10_000),
        ("application/dtmf-relay;x=y", "Signal=d", "D", 160),
        ("application/dtmf", "9", "9", 160),
        ("Application/DTMF", "*\r\n", "*", 160),
    ],
)
def test_digits_by_info(kind: str, body: str, digit: str, ms: int) -> None:
    peer = Peer()
    call = peer.answered()
    [ok] = peer.receive(peer.in_dialog("INFO", body=body, kind=kind))
    assert brief(ok) == "200 INFO"
    assert peer.events(Dtmf) == [Dtmf(call, digit, ms)]


@pytest.mark.parametrize(
    ("kind", "body", "more", "status"),
    [
        ("application/dtmf-relay", "Signal=55", {}, 400),
        ("application/dtmf-relay", "Duration=100", {}, 400),
        ("application/dtmf", "x", {}, 400),
        ("application/media_control+xml", "<x/>", {}, 415),
        ("application/dtmf", "5", {"Info-Package": "foo"}, 469),
        ("application/dtmf", "", {}, 200),
    ],
)
def test_infos_that_bring_no_digit(kind: str, body: str, more: dict[str, str], status: int) -> None:
    peer = Peer()
    peer.answered()
    [answer] = peer.receive(peer.in_dialog("INFO", body=body, kind=kind, more=more))
    assert brief(answer) == f"{status} INFO"
    assert peer.events(Dtmf) == []


def test_a_digit_by_info_of_ours() -> None:
    peer = Peer()
    call = peer.answered()
    call.dtmf("#", 200, peer.now)
    [info] = peer.drain()
    assert header(info, "Content-Type") == "application/dtmf-relay"
    assert info.endswith("Signal=#\r\nDuration=200\r\n")
    with pytest.raises(ValueError, match="no DTMF digit"):
        call.dtmf("x", 200, peer.now)


def test_they_ask_what_we_can() -> None:
    peer = Peer()
    peer.answered()
    [ok] = peer.receive(peer.in_dialog("OPTIONS"))
    assert brief(ok) == "200 OPTIONS"
    assert "UPDATE" in header(ok, "Allow")
    assert header(ok, "Accept") == "application/sdp"


def test_they_transfer_us() -> None:
    peer = Peer()
    call = peer.answered()
    refer = peer.in_dialog("REFER", cseq=300, more={"Refer-To": "<sip:carol@example.net>"})
    assert peer.receive(refer) == []
    assert peer.events(ReferReceived) == [ReferReceived(call, "sip:carol@example.net", False)]
    call.accept_refer(peer.now)
    accepted, trying = peer.drain()
    assert brief(accepted) == "202 REFER"
    assert brief(trying) == "NOTIFY"
    assert header(trying, "Event") == "refer"
    assert header(trying, "Subscription-State").startswith("active")
    assert trying.endswith("\r\n\r\nSIP/2.0 100 Trying\r\n")
    # One at a time: over UDP two of them might change places.
    call.notify_refer(180, peer.now)
    call.notify_refer(200, peer.now)
    assert peer.drain() == []
    [done] = peer.receive(response(trying, 200))
    assert done.endswith("SIP/2.0 200 OK\r\n")
    assert header(done, "Subscription-State") == "terminated;reason=noresource"
    call.notify_refer(200, peer.now)
    assert peer.drain() == []


def test_a_transfer_of_ours_has_its_users_headers() -> None:
    peer = Peer()
    call = peer.answered()
    headers = {"X-Order": "7", "Refer-To": "<sip:elsewhere@example.net>"}
    call.refer("sip:carol@example.net", peer.now, headers=headers)
    [refer] = peer.drain()
    assert header(refer, "X-Order") == "7"
    assert refer.count("Refer-To") == 1
    assert header(refer, "Refer-To") == "<sip:carol@example.net>"
    with pytest.raises(ValueError, match="Via"):
        call.refer("sip:carol@example.net", peer.now, headers={"Via": "elsewhere"})


def test_a_transfer_refused_and_one_that_never_ends() -> None:
    peer = Peer()
    call = peer.answered()
    peer.receive(peer.in_dialog("REFER", cseq=300, more={"Refer-To": "sip:c@d"}))
    call.refuse_refer(603, peer.now)
    assert [brief(each) for each in peer.drain()] == ["603 REFER"]
    peer.receive(peer.in_dialog("REFER", cseq=301, more={"Refer-To": "sip:c@d"}))
    call.accept_refer(peer.now)
    peer.receive(response(peer.drain()[1], 200))
    notify = next(each for each in peer.wait(181) if brief(each) == "NOTIFY")
    assert header(notify, "Subscription-State") == "terminated;reason=timeout"


def test_an_attended_transfer_says_that_it_is_one() -> None:
    peer = Peer()
    peer.answered()
    target = "sip:c@d?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2"
    peer.receive(peer.in_dialog("REFER", more={"Refer-To": f"<{target}>"}))
    assert peer.events(ReferReceived)[0].replaces
    assert peer.events(ReferReceived)[0].target == target


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 400),
        ({"Refer-To": "<sip:a@b"}, 400),
        ({"Refer-To": "<mailto:a@b>"}, 416),
    ],
)
def test_transfers_to_nowhere(more: dict[str, str], status: int) -> None:
    peer = Peer()
    peer.answered()
    [answer] = peer.receive(peer.in_dialog("REFER", more=more))
    assert brief(answer) == f"{status} REFER"


def test_we_transfer_them() -> None:
    peer = Peer()
    call = peer.answered()
    call.refer("sip:carol@example.net", peer.now, "sip:us@example.org")
    [refer] = peer.drain()
    assert header(refer, "Refer-To") == "<sip:carol@example.net>"
    assert header(refer, "Referred-By") == "<sip:us@example.org>"
    more = {"Event": "refer", "Subscription-State": "active;expires=60"}
    notify = peer.in_dialog(
        "NOTIFY", body="SIP/2.0 100 Trying\r\n", kind="message/sipfrag", more=more
    )
    assert [brief(each) for each in peer.receive(notify)] == ["200 NOTIFY"]
    peer.receive(response(refer, 202))
    more["Subscription-State"] = "terminated;reason=noresource"
    done = peer.in_dialog("NOTIFY", body="SIP/2.0 200 OK\r\n", kind="message/sipfrag", more=more)
    peer.receive(done)
    assert [(each.status, each.final) for each in peer.events(ReferProgress)] == [
        (100, False),
        (200, True),
    ]
    stray = peer.in_dialog("NOTIFY", body="SIP/2.0 200 OK\r\n", kind="message/sipfrag", more=more)
    assert [brief(each) for each in peer.receive(stray)] == ["481 NOTIFY"]
    other = peer.in_dialog("NOTIFY", more={"Event": "presence"})
    assert [brief(each) for each in peer.receive(other)] == ["489 NOTIFY"]


@pytest.mark.parametrize("status", [405, 603])
def test_a_transfer_of_ours_that_they_refuse(status: int) -> None:
    peer = Peer()
    call = peer.answered()
    call.refer("sip:carol@example.net", peer.now)
    [refer] = peer.drain()
    peer.receive(response(refer, status))
    assert peer.events(ReferProgress) == [ReferProgress(call, status, "X", True)]
    assert call.state == "answered"


@pytest.mark.parametrize(
    "method", ["BYE", "INVITE", "INFO", "OPTIONS", "UPDATE", "REFER", "NOTIFY"]
)
@pytest.mark.parametrize("wrong", [{"to_tag": "x"}, {"from_tag": "x"}, {"from_tag": ""}])
def test_a_stranger_with_a_wrong_tag_gets_481_and_the_call_lives(
    method: str, wrong: dict[str, str]
) -> None:
    peer = Peer()
    call = peer.answered()
    [answer] = peer.receive(peer.in_dialog(method, **wrong))  # type: ignore[arg-type]
    assert brief(answer) == f"481 {method}"
    assert call.state == "answered"
    assert not peer.events(Ended)
    assert peer.ua.drops["stranger"] == 1


def test_an_ack_of_a_stranger_confirms_nothing() -> None:
    peer = Peer()
    call = peer.rung()
    call.accept(ANSWER, peer.now)
    [ok] = peer.drain()
    peer.receive(peer.in_dialog("ACK", cseq=1, from_tag="x", branch="z9hG4bKy"))
    assert peer.wait(0.6) == [ok]
    assert peer.ua.drops["stray-ack"] == 1


def test_byes_that_cross_are_both_answered() -> None:
    peer = Peer()
    call = peer.answered()
    call.hang_up(peer.now)
    [bye] = peer.drain()
    [ok] = peer.receive(peer.in_dialog("BYE"))
    assert brief(ok) == "200 BYE"
    peer.receive(response(bye, 200))
    peer.wait(40)
    assert peer.end().end.by == "us"
    late = request("BYE", call_id=call.call_id, to=f"<sip:x>;tag={call.local_tag}", cseq=900)
    assert [brief(each) for each in peer.receive(late)] == ["481 BYE"]


def test_a_bye_again_is_answered_again_and_ends_nothing_twice() -> None:
    peer = Peer()
    peer.answered()
    bye = peer.in_dialog("BYE")
    assert peer.receive(bye) == peer.receive(bye)
    assert len(peer.events(Ended)) == 1


def test_the_reply_goes_on_the_connection_of_the_request() -> None:
    peer = Peer("tcp")
    peer.answered()
    other = Flow("tcp", US, Address("192.0.2.2", 41234), 9)
    peer.receive(peer.in_dialog("OPTIONS"), other)
    assert peer.out[-1].flow == other


def test_unknown_extensions_are_refused_in_a_dialog_too() -> None:
    peer = Peer()
    peer.answered()
    [refusal] = peer.receive(peer.in_dialog("INFO", more={"Require": "nothing-we-know"}))
    assert brief(refusal) == "420 INFO"
    assert header(refusal, "Unsupported") == "nothing-we-know"


def test_who_no_longer_wants_to_hear_of_a_transfer_does_not() -> None:
    peer = Peer()
    call = peer.answered()
    peer.receive(peer.in_dialog("REFER", more={"Refer-To": "sip:c@d"}))
    call.accept_refer(peer.now)
    accepted, trying = peer.drain()
    assert header(accepted, "Contact")
    peer.receive(response(trying, 481))
    call.notify_refer(200, peer.now)
    assert peer.drain() == []
    assert call.state == "answered"
