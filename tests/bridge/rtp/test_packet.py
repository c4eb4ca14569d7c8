"""RTP packets as bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rtp.packet import MAX_PAYLOAD, RtpPacket, is_rtcp

PLAIN = bytes.fromhex("80000001000000a0deadbeef") + b"\xff" * 160


def test_a_packet() -> None:
    packet = RtpPacket.parse(PLAIN)
    assert packet == RtpPacket(0, False, 1, 160, 0xDEADBEEF, b"\xff" * 160)
    assert packet.serialize() == PLAIN
    assert repr(packet) == "RtpPacket(type=0, marker=0, seq=1, ts=160, ssrc=deadbeef, 160 bytes)"


@given(
    st.builds(
        RtpPacket,
        st.integers(0, 127),
        st.booleans(),
        st.integers(0, 2**16 - 1),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=400),
    )
)
def test_what_is_written_can_be_read(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


def test_sources_extension_and_padding_are_left_out() -> None:
    head = bytes.fromhex("b2800001000000a0deadbeef")
    sources = bytes(8)
    extension = bytes.fromhex("bede0001") + b"abcd"
    packet = RtpPacket.parse(head + sources + extension + b"sound" + b"\0\0\3")
    assert packet.payload == b"sound"
    assert packet.marker


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "shorter than its header"),
        (PLAIN[:11], "shorter than its header"),
        (b"\x40" + PLAIN[1:], "has not version 2"),
        (b"\x8f" + PLAIN[1:12] + bytes(59), "ends within its contributing sources"),
        (b"\x90" + PLAIN[1:12] + bytes(3), "ends within its header extension"),
        (b"\x90" + PLAIN[1:12] + b"\xbe\xde\xff\xff", "ends within its header extension"),
        (b"\xa0" + PLAIN[1:12], "padding is longer"),
        (b"\xa0" + PLAIN[1:12] + b"\0", "padding is longer"),
        (b"\xa0" + PLAIN[1:12] + b"\2", "padding is longer"),
        (PLAIN[:12] + bytes(MAX_PAYLOAD + 1), "more than 2048 bytes"),
    ],
)
def test_what_is_no_packet_is_a_value_error_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RtpPacket.parse(data)


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        assert len(RtpPacket.parse(data).payload) <= len(data) - 12


@pytest.mark.parametrize(
    ("second", "rtcp"), [(0, False), (0x80, False), (200, True), (203, True), (0x80 + 96, False)]
)
def test_reports_are_told_from_sound(second: int, rtcp: bool) -> None:
    assert is_rtcp(bytes([0x80, second, 0, 0])) is rtcp
