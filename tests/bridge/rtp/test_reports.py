"""RTCP as bytes and as what it tells."""

from __future__ import annotations

from contextlib import suppress

import pytest
from aiortp.packet import (
    RtcpByePacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from bridge.rtp.reception import Reception
from bridge.rtp.reports import Reports, parse
from bridge.rtp.speaker import Speaker

SECOND = 1 << 32  # of NTP's time


class Wall:
    """NTP's clock."""

    ntp = 3_900_000_000 * SECOND

    def __call__(self) -> int:
        return self.ntp


def reports(wall: Wall) -> Reports:
    return Reports("anna", wall=wall, unevenness=lambda: 0.5)


def test_who_sends_reports_what_it_sent_and_heard() -> None:
    speaker, reception = Speaker(), Reception()
    speaker.sent, speaker.octets = 50, 8000
    for sequence in (1, 2, 4):
        reception.add(sequence)
    sender, name = parse(reports(Wall()).report(speaker, reception, 77, 1.0))
    assert isinstance(sender, RtcpSrPacket)
    assert (sender.ssrc, sender.sender_info.packet_count) == (speaker.ssrc, 50)
    assert sender.sender_info.rtp_timestamp == speaker.timestamp
    block = sender.reports[0]
    assert (block.ssrc, block.packets_lost, block.fraction_lost) == (77, 1, 64)
    assert block.highest_sequence & 0xFFFF == 4
    assert isinstance(name, RtcpSdesPacket)
    assert name.chunks[0].items == [(1, b"anna")]


def test_who_only_hears_sends_a_receiver_report() -> None:
    told = parse(reports(Wall()).report(Speaker(), Reception(), None, 1.0))
    assert isinstance(told[0], RtcpRrPacket)
    assert told[0].reports == []


def test_the_round_trip_is_what_is_left_of_the_time_between_two_reports() -> None:
    wall_here, wall_there = Wall(), Wall()
    here, there = reports(wall_here), reports(wall_there)
    speaker, other = Speaker(), Speaker()
    speaker.sent = other.sent = 1
    there.read(here.report(speaker, Reception(), None, 0.0), other.ssrc, 100.0)
    wall_here.ntp += 2 * SECOND + SECOND // 10  # 2 s there, 50 ms each way
    here.read(there.report(other, Reception(), speaker.ssrc, 102.0), speaker.ssrc, 2.1)
    assert here.round_trip == pytest.approx(0.1, abs=0.001)


def test_what_the_other_side_heard_of_us() -> None:
    ours = reports(Wall())
    block = RtcpReceiverInfo(7, 0, 12, 0, 160, 0, 0)
    foreign = RtcpReceiverInfo(8, 0, 99, 0, 999, 0, 0)
    ours.read(bytes(RtcpRrPacket(1, [foreign, block])), 7, 0.0)
    assert (ours.remote_lost, ours.remote_jitter) == (12, 160)


def test_a_bye_names_its_sources() -> None:
    ours = reports(Wall())
    assert ours.read(ours.farewell(5), 7, 0.0) == [5]
    assert ours.read(bytes(RtcpByePacket([1, 2])), 7, 0.0) == [1, 2]


def test_reports_come_every_five_seconds_the_first_one_sooner() -> None:
    ours = reports(Wall())
    due = [second for second in range(20) if ours.is_due(float(second))]
    assert due == [1, 6, 11, 16]


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\xc8",
        b"\x40\xc8\x00\x00",
        b"\x80\xc8\x00\x06" + bytes(10),
        b"\x81\xc9\x00\x01" + bytes(4),
        b"\x80\xc8\x00\x01" + bytes(4),
        b"\x9f\xcb\x00\x01" + bytes(4),
        b"\x9f\xca\x00\x01" + bytes(4),
        b"\xa0\xc9\x00\x01" + bytes(4),
        bytes(1501),
    ],
)
def test_what_is_no_report_is_a_value_error_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The RTCP packet is .*\.$"):
        parse(data)


@given(
    st.lists(
        st.builds(
            lambda count, kind, body: bytes([0x80 | count, kind, 0, len(body) // 4]) + body,
            st.integers(0, 63),
            st.integers(192, 223),
            st.binary(max_size=60).map(lambda body: body[: len(body) // 4 * 4]),
        ),
        max_size=4,
    ).map(b"".join)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        reports(Wall()).read(data, 7, 0.0)
