from __future__ import annotations

from pathlib import Path

from bridge.ladder.message_line import message_line
from bridge.ladder.record import SipMessage
from bridge.ladder.text import TextLadder
from bridge.sip import Address, Flow
from tests.bridge.ladder.messages import BYE, INVITE, OK, message

FLOW = Flow("tcp", Address("10.0.0.1", 5060), Address("10.0.0.2", 5070), 1)


def test_a_message_is_told_in_a_few_words() -> None:
    told = message_line(INVITE)
    assert told.text.startswith("INVITE sip:+••••••••••10@10.0.0.2;transport=tcp [sendrecv, PCMU")
    assert told.call_id == "abc@10.0.0.1"
    assert told.is_request
    assert message_line(OK).text == "200 OK (INVITE) [recvonly, PCMU PCMA telephone-event]"
    assert message_line(OK).call_id == "abc@10.0.0.1"
    assert message_line(BYE).text == 'BYE · Q.850;cause=16;text="bye"'


def test_how_a_transfer_does_is_told_with_its_status() -> None:
    message = (
        b"NOTIFY sip:us@10.0.0.1 SIP/2.0\r\nCall-ID: a\r\nContent-Type: message/sipfrag;version=2.0"
        b"\r\n\r\nSIP/2.0 100 Trying\r\n"
    )
    assert message_line(message).text == "NOTIFY · 100 Trying"


def test_digits_that_may_be_a_pin_are_not_told() -> None:
    info = message(
        "INFO sip:10.0.0.2 SIP/2.0", "Content-Type: application/dtmf-relay", "CSeq: 3 INFO"
    )
    assert message_line(info + b"Signal=7\r\n").text == "INFO · DTMF"


def test_what_is_no_sip_is_told_all_the_same_and_steers_no_terminal() -> None:
    assert message_line(b"").text == ""
    assert "\x1b" not in message_line(b"SIP/2.0 200 \x1b[2J\r\n\r\n").text
    assert len(message_line(b"X" * 5000).text) <= 100


def test_a_ladder_is_there_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "call.txt"
    ladder = TextLadder(file)
    ladder(SipMessage(1_000_000.0, True, FLOW, INVITE))
    ladder(SipMessage(1_000_000.25, False, FLOW, OK))
    lines = file.read_text().splitlines()  # before it is closed
    ladder.close()
    assert lines[0] == "SIP ladder, begun 1970-01-12 13:46:40 UTC, numbers masked"
    assert lines[1].strip() == "them: tcp 10.0.0.2:5070"
    assert lines[2].startswith("    0.000 us ──▶ INVITE sip:")
    assert lines[3].startswith("    0.250 us ◀── 200 OK")
    assert "9876543210" not in file.read_text()
