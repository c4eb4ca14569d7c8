"""A capture that Wireshark reads: lengths, checksums and streams are right."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bridge.ladder.pcap import PcapFile
from bridge.ladder.record import SipMessage
from bridge.sip import Address, Flow
from tests.bridge.ladder.capture import packets, stream
from tests.bridge.ladder.messages import BYE, INVITE, OK

HOSTS = [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")]


@pytest.mark.parametrize(("ours", "theirs"), HOSTS)
def test_datagrams(tmp_path: Path, ours: str, theirs: str) -> None:
    flow = Flow("udp", Address(ours, 5060), Address(theirs, 5070))
    file = tmp_path / "call.pcap"
    capture = PcapFile(file)
    capture(SipMessage(1_700_000_000.5, True, flow, INVITE))
    capture(SipMessage(1_700_000_000.75, False, flow, OK))
    capture.close()
    first, second = packets(file)
    assert first.payload == INVITE
    assert (first.source, first.target) == ((ours, 5060), (theirs, 5070))
    assert (second.source, second.payload) == ((theirs, 5070), OK)
    assert (first.at, second.at) == (1_700_000_000.5, 1_700_000_000.75)


@pytest.mark.parametrize(("ours", "theirs"), HOSTS)
def test_a_connection_is_a_stream_with_its_handshake(
    tmp_path: Path, ours: str, theirs: str
) -> None:
    flow = Flow("tcp", Address(ours, 40_000), Address(theirs, 5070), 1)
    file = tmp_path / "call.pcap"
    capture = PcapFile(file)
    long = INVITE + b"x" * 40_000
    for sent, data in ((True, long), (False, OK), (True, BYE)):
        capture(SipMessage(1.0, sent, flow, data))
    capture.close()
    found = packets(file)
    assert [each.flags for each in found[:3]] == [0x02, 0x12, 0x10]
    assert stream(found, (ours, 40_000)) == long + BYE
    assert stream(found, (theirs, 5070)) == OK
    assert found[-1].expected == 1 + len(OK)


def test_two_connections_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "call.pcap"
    capture = PcapFile(file)
    for number in (1, 2):
        flow = Flow("tcp", Address("10.0.0.1", 40_000 + number), Address("10.0.0.2", 5070), number)
        capture(SipMessage(1.0, True, flow, BYE))
    capture.close()
    assert stream(packets(file), ("10.0.0.1", 40_001)) == BYE
    assert stream(packets(file), ("10.0.0.1", 40_002)) == BYE


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "call.pcap"
    PcapFile(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
