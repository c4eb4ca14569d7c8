"""Pairs of ports: taken, rested, taken again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from bridge.rtp import PortRange, PortsExhausted

HOST = "127.0.0.1"


@pytest.fixture
def first() -> Iterator[int]:
    """Where eight ports are free."""
    for start in range(21000, 60000, 100):
        opened = []
        try:
            for port in range(start, start + 8):
                taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.append(taken)
                taken.bind((HOST, port))
        except OSError:
            continue
        finally:
            for taken in opened:
                taken.close()
        yield start
        return


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rtp_is_even_and_rtcp_the_next_one(first: int) -> None:
    pair = PortRange(first, first + 1).take(HOST)
    assert pair.port % 2 == 0
    assert pair.rtp.getsockname()[1] == pair.port
    assert pair.rtcp.getsockname()[1] == pair.port + 1
    pair.close()


def test_a_pair_rests_before_it_is_used_again(first: int) -> None:
    clock = Clock()
    ports = PortRange(first, first + 1, rest=10.0, clock=clock)
    pair = ports.take(HOST)
    pair.close()
    ports.give_back(pair.port)
    ports.give_back(pair.port)
    assert ports.in_use == 0
    clock.now = 9.9
    with pytest.raises(PortsExhausted, match="0 in use, 1 resting after a call, 0 taken by other"):
        ports.take(HOST)
    clock.now = 10.0
    again = ports.take(HOST)
    assert again.port == pair.port
    again.close()


def test_an_exhausted_range_says_so(first: int) -> None:
    foreign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    foreign.bind((HOST, first + 3))  # of the second pair, its RTCP
    ports = PortRange(first, first + 7)
    pairs = [ports.take(HOST) for _ in range(3)]
    assert first + 2 not in [pair.port for pair in pairs]
    with pytest.raises(
        PortsExhausted,
        match=f"No pair of UDP ports is free in {first}-{first + 7}: 3 in use, 0 resting after "
        r"a call, 1 taken by other programs\.",
    ):
        ports.take(HOST)
    for pair in pairs:
        pair.close()
    foreign.close()


def test_a_host_that_is_not_ours(first: int) -> None:
    with pytest.raises(OSError, match="assign"):
        PortRange(first, first + 7).take("203.0.113.1")


def test_ranges_as_text() -> None:
    assert str(PortRange.parse(" 10000-40000 ")) == "10000-40000"


@pytest.mark.parametrize(
    "text", ["", "10000", "a-b", "40000-10000", "0-10", "1-70000", "10001-10001"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        PortRange.parse(text)
