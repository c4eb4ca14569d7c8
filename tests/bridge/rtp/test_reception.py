"""Counting what arrived: RFC 3550 appendix A."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rtp.reception import Reception


def heard(*sequences: int) -> Reception:
    reception = Reception()
    for sequence in sequences:
        reception.add(sequence & 0xFFFF)
    return reception


@pytest.mark.parametrize(
    ("sequences", "received", "lost", "duplicated"),
    [
        ((1, 2, 3), 3, 0, 0),
        ((1, 3, 4), 3, 1, 0),
        ((1, 3, 2, 4), 4, 0, 0),
        ((1, 2, 2, 2, 3), 3, 0, 2),
        ((1, 3, 2, 2, 3), 3, 0, 2),
        ((65534, 65535, 0, 1), 4, 0, 0),
        ((65534, 0, 65535, 2), 4, 1, 0),
        ((65535, 65534, 65533), 3, 0, 0),  # it began with the last of three
        ((10, 11, 30000, 30001), 3, 0, 0),  # a new beginning, not 29,988 lost
        ((30000, 30001, 10, 11), 3, 0, 0),
        ((10, 11, 30000, 12, 13), 4, 0, 0),  # one that nobody confirms
    ],
)
def test_counts(sequences: tuple[int, ...], received: int, lost: int, duplicated: int) -> None:
    reception = heard(*sequences)
    assert (reception.received, reception.lost, reception.duplicated) == (
        received,
        lost,
        duplicated,
    )


def test_sequence_numbers_are_extended_over_the_wrap() -> None:
    reception = heard(65535)
    assert reception.add(1) == 0x10000 + 65537
    assert reception.add(0) == 0x10000 + 65536
    assert reception.add(0) is None


def test_counts_go_on_over_a_change_of_the_source() -> None:
    reception = heard(1, 2, 4)
    reception.restart()
    reception.add(50000)
    reception.add(50002)
    assert (reception.received, reception.lost, reception.expected) == (5, 2, 7)


def test_extended_numbers_never_go_back_for_a_new_beginning() -> None:
    reception = heard(65000, 65001)
    for sequence in (20000, 20001, 50000, 50001, 7000, 7001):
        highest = reception.highest
        extended = reception.add(sequence)
        assert (extended is None) == (sequence in (20000, 50000, 7000))
        assert extended is None or extended > highest
        assert reception.began == (extended is not None)


def test_each_report_has_its_own_share_of_losses() -> None:
    reception = heard(*range(0, 100, 2))
    assert reception.fraction_lost() == pytest.approx(128, abs=2)
    for sequence in range(100, 200):
        reception.add(sequence)
    assert reception.fraction_lost() <= 3
    assert reception.fraction_lost() == 0


def test_jitter_is_that_of_rfc_3550() -> None:
    reception = Reception()
    for number in range(2000):
        late = 0.01 if number % 2 else 0.0  # every deviation is 10 ms
        reception.time(number * 160 + 2**32 - 1000 & 0xFFFFFFFF, number * 0.02 + late)
    assert reception.jitter_ms == pytest.approx(10, abs=0.1)


def test_a_timestamp_that_jumps_is_no_jitter() -> None:
    reception = Reception()
    for number in range(100):
        reception.time(number * 160 + (10_000_000 if number > 50 else 0), number * 0.02)
    assert reception.jitter_ms == pytest.approx(0, abs=0.001)


@given(st.lists(st.integers(0, 65535), max_size=200))
def test_no_order_of_numbers_breaks_the_counts(sequences: list[int]) -> None:
    reception = heard(*sequences)
    assert reception.received + reception.duplicated + reception.stray == len(sequences)
    assert reception.lost >= 0
    assert 0 <= reception.fraction_lost() <= 255
