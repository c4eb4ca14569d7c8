"""Digits as telephone events, on virtual time."""

from __future__ import annotations

import pytest
from aiortp.dtmf import DtmfEvent
from hypothesis import given
from hypothesis import strategies as st

from bridge.rtp.dtmf import Digit, DtmfPacket, DtmfReceiver, DtmfSender


def pressed(
    digit: int, timestamp: int, ticks: int = 5, ends: int = 3
) -> list[tuple[int, DtmfEvent]]:
    """The packets of one press, as (timestamp, event)."""
    updates = [DtmfEvent(digit, False, 10, tick * 160) for tick in range(1, ticks)]
    end = DtmfEvent(digit, True, 10, ticks * 160)
    return [(timestamp, event) for event in [*updates, *[end] * ends]]


def heard(packets: list[tuple[int, DtmfEvent]], wait: float = 1.0) -> list[Digit]:
    receiver = DtmfReceiver()
    digits: list[Digit] = []
    now = 0.0
    for timestamp, event in packets:
        now += 0.02
        digits += receiver.advance(now)
        digits += receiver.receive(timestamp & 0xFFFFFFFF, event.serialize(), now)
    return digits + receiver.advance(now + wait)


def test_a_press_is_one_digit() -> None:
    assert heard(pressed(5, 1000)) == [Digit("5", 100)]


def test_the_same_digit_twice_is_two() -> None:
    assert heard(pressed(5, 1000) + pressed(5, 3000)) == [Digit("5", 100)] * 2


def test_all_digits() -> None:
    packets = [packet for code in range(16) for packet in pressed(code, code * 2000)]
    assert "".join(digit for digit, _ in heard(packets)) == "0123456789*#ABCD"


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_a_press_whose_ends_were_lost_ends_by_itself(kept: int) -> None:
    assert heard(pressed(5, 1000)[:kept]) == [Digit("5", kept * 20)]


def test_a_press_whose_ends_were_lost_ends_with_the_next_one() -> None:
    assert heard(pressed(5, 1000, ends=0) + pressed(6, 3000)) == [Digit("5", 80), Digit("6", 100)]


def test_one_end_packet_of_all_is_enough() -> None:
    assert heard(pressed(5, 1000)[-1:]) == [Digit("5", 100)]


def test_ends_that_come_after_the_next_press_began_tell_nothing_new() -> None:
    late = pressed(5, 1000)
    packets = [*late[:-1], *pressed(6, 3000)[:2], late[-1], *pressed(6, 3000)[2:]]
    assert heard(packets) == [Digit("5", 100), Digit("6", 100)]


def test_peers_whose_timestamps_stand_still() -> None:
    receiver, digits, now = DtmfReceiver(), [], 0.0
    for code in (5, 6, 6):
        for timestamp, event in pressed(code, 1000):
            now += 0.02
            digits += receiver.receive(timestamp, event.serialize(), now)
        now += 2.0
    assert digits == [Digit("5", 100), Digit("6", 100), Digit("6", 100)]


def test_a_peer_whose_timestamps_begin_anew_while_a_key_is_pressed() -> None:
    packets = pressed(5, 1_000_000, ends=0) + pressed(6, 500)
    assert heard(packets) == [Digit("5", 80), Digit("6", 100)]


def test_a_long_press_in_several_events_is_one_digit() -> None:
    """RFC 4733 section 2.5.1.3: the duration has 16 bits."""
    first = [(1000, DtmfEvent(5, False, 10, duration)) for duration in (160, 0x8000, 0xFFFF)]
    second = [(1000 + 0xFFFF, DtmfEvent(5, False, 10, 160))]
    end = [(1000 + 0xFFFF, DtmfEvent(5, True, 10, 320))] * 3
    assert heard(first + second + end) == [Digit("5", (0xFFFF + 320) // 8)]


def test_what_is_no_digit_is_passed_over() -> None:
    assert heard([(1000, DtmfEvent(16, True, 10, 160)), (2000, DtmfEvent(255, True, 1, 1))]) == []


@pytest.mark.parametrize("payload", [b"", b"\5\x8a\3"])
def test_a_malformed_event_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match="shorter than four bytes"):
        DtmfReceiver().receive(1, payload, 0.0)


@given(
    st.text("0123456789*#ABCD", min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=64, max_size=64),
    st.integers(0, 2**32 - 1),
)
def test_digits_survive_any_loss_that_leaves_a_packet_of_each(
    digits: str, kept: list[bool], timestamp: int
) -> None:
    codes = ["0123456789*#ABCD".index(digit) for digit in digits]
    packets, index = [], 0
    for number, code in enumerate(codes):
        press = pressed(code, timestamp + number * 1600)
        left = [packet for place, packet in enumerate(press) if kept[(index + place) % 64]]
        packets += left or press[-1:]
        index += len(press)
    assert "".join(digit for digit, _ in heard(packets)) == digits


def sent(digits: str, tone_ms: int = 100, gap_ms: int = 100) -> list[DtmfPacket | None]:
    sender = DtmfSender()
    sender.add(digits, tone_ms=tone_ms, gap_ms=gap_ms)
    packets = []
    timestamp = 5000
    while sender.is_busy:
        packets.append(sender.next(timestamp))
        timestamp += 160
    return packets


def test_a_digit_that_is_sent() -> None:
    packets = [packet for packet in sent("5") if packet is not None]
    events = [DtmfEvent.parse(packet.payload) for packet in packets]
    assert [packet.timestamp for packet in packets] == [5000] * 7
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert [(event.duration, event.end) for event in events] == [
        *((160, False), (320, False), (480, False), (640, False)),
        *((800, True), (800, True), (800, True)),
    ]


def test_digits_have_their_length_and_their_distance() -> None:
    packets = sent("12", tone_ms=200, gap_ms=140)
    starts = [index for index, packet in enumerate(packets) if packet is not None and packet.marker]
    assert starts == [0, (200 + 140) // 20]
    assert packets[17] is not None
    assert packets[17].timestamp == 5000 + 17 * 160


def test_what_is_sent_is_heard() -> None:
    receiver, digits = DtmfReceiver(), []
    for tick, packet in enumerate(sent("159*0#Dw2")):
        if packet is not None:
            digits += receiver.receive(packet.timestamp, packet.payload, tick * 0.02)
    assert digits == [Digit(digit, 100) for digit in "159*0#D2"]


@pytest.mark.parametrize(
    ("digits", "tone_ms", "gap_ms", "sentence"),
    [
        ("12x", 100, 100, "'x' is no digit"),
        ("1", 10, 100, "Tones take 20 to 6000 ms"),
        ("1", 100, -1, "Tones take 20 to 6000 ms"),
        ("1" * 257, 100, 100, "More than 256 digits"),
    ],
)
def test_what_cannot_be_sent(digits: str, tone_ms: int, gap_ms: int, sentence: str) -> None:
    sender = DtmfSender()
    with pytest.raises(ValueError, match=sentence):
        sender.add(digits, tone_ms=tone_ms, gap_ms=gap_ms)
    assert not sender.is_busy
