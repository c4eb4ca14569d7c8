"""RFC 4475: no exception, nothing slow, and the answer that each section asks for."""

from __future__ import annotations

import pytest

from bridge.sip import Credentials, Framer, FramingError, IncomingCall, Transport
from tests.bridge.sip.network import ANSWER, brief, header
from tests.bridge.sip.peer import Peer, request, response
from tests.bridge.sip.spent import not_slow
from tests.bridge.sip.torture import IGNORED, MESSAGES, RINGS, Torture


def outcome(peer: Peer, sent: list[str]) -> int | str:
    if peer.events(IncomingCall):
        return RINGS
    return int(brief(sent[0]).split()[0]) if sent else IGNORED


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: f"{case.section}-{case.name}")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_each_message_gets_its_answer_and_a_live_call_minds_nothing(
    case: Torture, transport: Transport
) -> None:
    peer = Peer(transport)
    call = peer.answered()
    with not_slow():
        sent = peer.receive(case.message)
    assert outcome(peer, sent) == case.expected
    assert call.state == "answered"
    for answer in sent:
        assert header(answer, "Call-ID") in case.message.decode("utf-8", "surrogateescape")
        assert "\r\n" not in header(answer, "To")


def test_all_sections_are_there() -> None:
    sections = {case.section for case in MESSAGES}
    wanted = [f"3.1.1.{n}" for n in range(1, 14)] + [f"3.1.2.{n}" for n in range(1, 20)]
    wanted += ["3.2.1", *(f"3.3.{n}" for n in range(1, 16)), "3.4.1"]
    assert len(MESSAGES) == len(wanted) == 49
    assert sections == set(wanted)


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: case.name)
def test_a_stream_of_them_is_framed_or_closed(case: Torture) -> None:
    framer, closed = Framer(), False
    for at in range(0, len(case.message), 7):
        try:
            framer.feed(case.message[at : at + 7], 0.0)
        except FramingError:
            closed = True
            break
    assert closed is (case.name in {"ncl", "mcl01", "inv2543"})


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0",
        b"\xff" * 100,
        b"INVITE",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"\r\n\r\nINVITE sip:a@b SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        request("OPTIONS").encode()[:-4],
        request("OPTIONS", more={f"X-{n}": "1" for n in range(80)}).encode(),
        request("OPTIONS", more={"X": "x" * 9000}).encode(),
    ],
)
def test_what_is_no_sip_is_counted(message: bytes) -> None:
    peer = Peer()
    assert peer.receive(message) == []
    assert sum(peer.ua.drops.values()) == 1


@pytest.mark.parametrize("byte", [b"\0", b"\n", b"\r", b"\x80", b"\xf0\x28"])
def test_bytes_that_would_break_a_line_of_ours_never_come_back(byte: bytes) -> None:
    peer = Peer()
    message = (
        request("OPTIONS").encode().replace(b"Call-ID: theirs", b"Call-ID: th" + byte + b"irs")
    )
    for answer in peer.receive(message):
        assert answer.startswith("SIP/2.0 ")
        assert "\0" not in answer
        assert answer.count("\n") == answer.count("\r\n")


def test_an_answer_never_repeats_a_call_that_lives() -> None:
    peer = Peer()
    peer.answered()
    assert peer.receive(request("INVITE", body=ANSWER, to="<sip:us@x>;tag=none"))[0].startswith(
        "SIP/2.0 481 "
    )


@pytest.mark.parametrize(
    "more",
    [
        {"Content-Type": 'multipart/mixed;boundary="x'},
        {"Content-Type": "multipart/mixed"},
        {"Content-Type": ";"},
        {"Session-Expires": '²;refresher="'},
        {"Expires": "²"},
        {"RSeq": "²", "Require": "100rel"},
        {"Record-Route": '"<', "Contact": '"'},
        {"Allow": ",,,"},
        {"Accept": ","},
        {"Require": ","},
        {"Refer-To": '"'},
        {"Authorization": 'Digest "'},
        {"WWW-Authenticate": 'Digest realm="', "Min-SE": "²"},
    ],
)
def test_headers_that_cannot_be_read_harm_nobody(more: dict[str, str]) -> None:
    for method in ("INVITE", "UPDATE", "REFER", "INFO", "NOTIFY", "PRACK", "OPTIONS", "BYE"):
        peer = Peer()
        peer.answered()
        peer.receive(request(method, body=ANSWER, kind="x/y", more=more))
        peer.receive(peer.in_dialog(method, body=ANSWER, kind="", more=more))
        peer.wait(100)
    for status in (183, 200, 401, 422, 491):
        peer = Peer()
        _, sent = peer.dialled(credentials=Credentials("a", "b"))
        peer.receive(response(sent, status, body=ANSWER, more=more))
        peer.wait(100)


FILLERS = [" ", "\t", ";", ",", '"', "<", ">", "=", "a=", ";a", " ;", "\\", '\\"', ";rport ", "<>"]
FILLERS += [";received=", '"a"', "a,", ":", "@", "%", "[", "1", ".", "/ ", "\r\n ", " \t", "é"]
HEADERS = ["Via", "From", "To", "Contact", "Record-Route", "Call-ID", "CSeq", "Content-Type"]
HEADERS += [
    "Session-Expires",
    "Require",
    "Accept",
    "Refer-To",
    "Authorization",
    "Allow",
    "Supported",
]
HEADERS += ["Supported", "Content-Length", "RAck", "Event", "WWW-Authenticate", "Reason", "X"]


@pytest.mark.parametrize("filler", FILLERS, ids=repr)
def test_no_header_is_slow_whatever_it_is_full_of(filler: str) -> None:
    for name in HEADERS:
        for status in (None, 200, 401):
            peer = Peer()
            call, sent = peer.dialled(credentials=Credentials("a", "b"))
            message = request("INVITE", body=ANSWER) if status is None else response(sent, status)
            old = header(message, name)
            full = old + ";x" * (not old) + filler * (7000 // len(filler)) + "x"
            changed = message.replace(f"{name}: {old}\r\n", f"{name}: {full}\r\n")
            if changed == message:
                changed = message.replace("\r\n", f"\r\n{name}: {full}\r\n", 1)
            with not_slow():
                peer.receive(changed.encode())
            assert call.state in ("calling", "ended", "answered")
