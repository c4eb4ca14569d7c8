"""Which message belongs to whose ladder."""

from __future__ import annotations

import time
from pathlib import Path

from bridge.ladder.record import SipMessage
from bridge.room.ladders import Ladders
from bridge.sip.flow import Address, Flow

_FLOW = Flow("udp", Address("127.0.0.1", 5060), Address("127.0.0.1", 5070))


def message(sip_call_id: str, method: str = "INVITE", name: str = "Call-ID") -> SipMessage:
    text = (
        f"{method} sip:+919876543210@127.0.0.1:5070 SIP/2.0\r\n"
        f"CSeq: 1 {method}\r\n{name}: {sip_call_id}\r\nContent-Length: 0\r\n\r\n"
    )
    return SipMessage(time.time(), True, _FLOW, text.encode())


async def test_an_invite_that_left_before_its_leg_knew_is_in_the_ladder(tmp_path: Path) -> None:
    ladders = Ladders(tmp_path / "ladders")
    ladders(message("a@x"))
    ladders(message("b@x"))
    ladders.claim("a@x")
    ladders(message("a@x", "ACK", name="i"))
    ladders(message("b@x", "ACK"))
    ladders(message("a@x", "BYE", name="call-id"))
    await ladders.write("a@x", "call_1")
    lines = (tmp_path / "ladders" / "call_1.txt").read_text().splitlines()
    assert [line.split()[-1] for line in lines[3:]] == ["ACK", "BYE"]
    assert "INVITE sip:+••••••••••10@127.0.0.1:5070" in lines[2]
    assert [file.name for file in (tmp_path / "ladders").iterdir()] == ["call_1.txt"]


async def test_what_nobody_claims_does_not_pile_up(tmp_path: Path) -> None:
    ladders = Ladders(tmp_path)
    for number in range(500):
        for _ in range(50):
            ladders(message(f"{number}@x"))
    assert sum(map(len, ladders._unclaimed.values())) <= 64 * 20


async def test_a_name_that_is_no_file_name_is_not_written(tmp_path: Path) -> None:
    ladders = Ladders(tmp_path)
    ladders(message("a@x"))
    ladders.claim("a@x")
    await ladders.write("a@x", "../call")
    assert not list(tmp_path.parent.glob("call*"))


async def test_a_folder_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    ladders = Ladders(place)
    ladders(message("a@x"))
    ladders.claim("a@x")
    await ladders.write("a@x", "call_1")
    assert not ladders._kept
