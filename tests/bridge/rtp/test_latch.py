"""Whose packets are heard, on virtual time."""

from __future__ import annotations

from bridge.rtp.latch import Latch
from bridge.rtp.packet import RtpPacket
from bridge.sdp import MediaAddress

NAMED = MediaAddress("198.51.100.7", 40000)
BEHIND_NAT = MediaAddress("198.51.100.7", 51234)
STRANGER = MediaAddress("203.0.113.66", 40000)


class Heard:
    """Sends packets at a latch, and keeps what it lets through."""

    def __init__(self, latch: Latch) -> None:
        self.latch = latch
        self.packets: list[tuple[int, int]] = []  # (ssrc, sequence)
        self.streams = 0

    def send(self, source: MediaAddress, ssrc: int, *sequences: int, at: float = 0.0) -> None:
        for number, sequence in enumerate(sequences):
            if not self.latch.knows(source):
                continue
            packet = RtpPacket(0, False, sequence & 0xFFFF, 160 * sequence, ssrc, b"")
            admitted, new = self.latch.admit(packet, source, at + number * 0.02)
            self.packets += [(packet.ssrc, packet.sequence) for packet, _ in admitted]
            self.streams += new


def test_the_named_address_is_heard_from_its_first_packet() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(NAMED, 1, 10, 11, 12)
    assert heard.packets == [(1, 10), (1, 11), (1, 12)]
    assert heard.streams == 1
    assert heard.latch.remote == NAMED


def test_another_address_is_never_heard_and_draws_nothing() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(STRANGER, 1, *range(200))
    assert heard.packets == []
    assert heard.latch.remote == NAMED
    assert heard.latch.elsewhere == 200


def test_another_port_of_the_named_address_must_prove_to_be_one_stream() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(BEHIND_NAT, 1, 10, 11, 12, 13)
    assert heard.packets == []
    assert heard.latch.remote == NAMED
    heard.send(BEHIND_NAT, 1, 14, at=0.08)
    assert heard.packets == [(1, number) for number in range(10, 15)]  # none is lost by waiting
    assert heard.latch.remote == BEHIND_NAT


def test_packets_that_make_no_stream_do_not_latch() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(BEHIND_NAT, 1, 10, 5000, 20000, 7, 40000, 123, 9000)
    for ssrc in range(2, 50):
        heard.send(BEHIND_NAT, ssrc, 10 + ssrc)
    assert heard.packets == []
    assert not heard.latch.latched


def test_packets_of_one_instant_or_in_no_order_do_not_latch() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(BEHIND_NAT, 1, 1, 40, 3, 50, 7, 45, 9)
    for number in range(100):
        heard.send(BEHIND_NAT, 1, 60 + number, at=5.0)
    assert heard.packets == []


def test_the_named_port_wins_over_another_one() -> None:
    heard = Heard(Latch(NAMED))
    for number in range(10):
        at = number * 0.005
        heard.send(BEHIND_NAT, 666, number, at=at)
        if number % 4 == 0:
            heard.send(NAMED, 1, number // 4, at=at)
    assert heard.latch.remote == NAMED
    assert {ssrc for ssrc, _ in heard.packets} == {1}


def test_once_latched_nobody_else_is_heard() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(NAMED, 1, 10, 11)
    heard.send(BEHIND_NAT, 1, *range(12, 100))
    heard.send(STRANGER, 1, *range(12, 100))
    assert len(heard.packets) == 2
    assert heard.latch.elsewhere == 88 * 2
    assert heard.latch.remote == NAMED


def test_another_source_number_is_not_heard_while_the_stream_speaks() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(NAMED, 1, 10, 11)
    for number in range(200):  # 200 packets a second for a second, from the spoofed address
        at = 0.04 + number * 0.005
        heard.send(NAMED, 666, number, at=at)
        if number % 4 == 0:
            heard.send(NAMED, 1, 12 + number // 4, at=at)
    assert {ssrc for ssrc, _ in heard.packets} == {1}
    assert heard.latch.strange == 200


def test_another_source_number_takes_over_where_the_stream_has_ended() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(NAMED, 1, *range(10))
    heard.send(NAMED, 2, *range(30000, 30050), at=0.2)
    assert heard.streams == 2
    later = [sequence for ssrc, sequence in heard.packets if ssrc == 2]
    assert later[-1] == 30049
    assert len(later) > 40
    assert later == sorted(later)


def test_after_a_bye_the_next_source_need_not_wait() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(NAMED, 1, *range(10))
    heard.latch.farewell(7)
    heard.latch.farewell(1)
    heard.send(NAMED, 2, 100, 101, 102, at=0.2)
    assert [sequence for ssrc, sequence in heard.packets if ssrc == 2] == [100, 101, 102]


def test_a_new_answer_with_another_address_begins_anew() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(NAMED, 1, 10, 11)
    heard.latch.reopen(STRANGER)
    assert heard.latch.remote == STRANGER
    heard.send(NAMED, 1, 12, 13)
    heard.send(STRANGER, 2, 50, 51)
    assert heard.packets[2:] == [(2, 50), (2, 51)]


def test_a_new_answer_with_the_same_address_keeps_the_port_that_was_learned() -> None:
    heard = Heard(Latch(NAMED))
    heard.send(BEHIND_NAT, 1, *range(5))
    heard.latch.reopen(NAMED)
    assert heard.latch.remote == BEHIND_NAT
    heard.send(BEHIND_NAT, 1, 5, at=1.0)  # known: heard at once
    assert heard.packets[-1] == (1, 5)
    assert heard.streams == 1


def test_a_new_answer_lets_the_port_change() -> None:
    """The router forgot us during a hold, and has given the phone another port."""
    heard = Heard(Latch(NAMED))
    heard.send(BEHIND_NAT, 1, *range(5))
    heard.latch.reopen(NAMED)
    moved = MediaAddress(NAMED.host, 60000)
    heard.send(moved, 1, *range(100, 106), at=30.0)
    assert heard.latch.remote == moved
    assert heard.packets[5:] == [(1, number) for number in range(100, 106)]
    assert heard.streams == 1
