"""The jitter buffer against streams as they come, on virtual time."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.rtp.jitter_buffer import FRAME, JitterBuffer
from tests.bridge.rtp.network import Arrival, Played, play, stream, uneven

MOST = 245.0  # ms: the bound, and one step of 20 ms with its tolerance


def played(arrivals: list[Arrival], seconds: float) -> tuple[JitterBuffer, Played]:
    buffer = JitterBuffer()
    return buffer, play(buffer, arrivals, seconds)


def in_order(heard: Played) -> bool:
    numbers = [number for _, number in heard.frames if number is not None]
    return all((after - before) % 251 < 100 for before, after in pairwise(numbers))


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 60])
def test_an_even_stream_loses_nothing_and_waits_little(ptime: int) -> None:
    buffer, heard = played(list(stream(10, ptime=ptime)), 9.9)
    assert heard.missing(since=0.1) == 0
    assert in_order(heard)
    assert buffer.late == buffer.inserted == 0
    assert heard.delay(since=1) <= 50


@pytest.mark.parametrize("phase", [0.0, 0.004, 0.009, 0.0125, 0.019])
def test_ticks_that_keep_step_wait_for_milliseconds(phase: float) -> None:
    """Wherever they were at first; without it up to 20 ms more."""
    buffer = JitterBuffer()
    heard = play(buffer, list(stream(5)), 5, phase)
    assert heard.missing(since=0.1) <= 1  # a frame's worth that was of no use
    assert buffer.late == 0
    assert heard.delay(since=4) <= 10
    out_of_step = play(JitterBuffer(), list(stream(5)), 5, phase, follows=False)
    assert out_of_step.missing(since=0.1) == 0
    assert out_of_step.delay(since=1) <= 30


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 60])
def test_nothing_of_the_beginning_is_lost(ptime: int) -> None:
    """With ticks as a session has them: where the first packet wants the first one to be."""
    buffer = JitterBuffer()
    arrivals = list(stream(2, ptime=ptime))
    for first in arrivals[:2]:  # what is known before the first tick
        if buffer.begins_at is None or first.at < buffer.begins_at:
            buffer.put(first.sequence, first.timestamp, 0, first.payload, first.at)
    begins_at = buffer.begins_at
    assert begins_at is not None
    heard = play(buffer, [each for each in arrivals if each.at > begins_at], 1.9, phase=begins_at)
    assert heard.missing() == buffer.late == buffer.skipped == buffer.inserted == 0


def test_what_waited_to_be_believed_is_no_delay() -> None:
    """The first packet may wait for a second one from the same source."""
    buffer = JitterBuffer()
    first, *others = stream(2)
    buffer.put(first.sequence, first.timestamp, 0, first.payload, first.at)
    heard = play(buffer, others, 2, phase=others[0].at + 0.012)
    assert heard.delay() <= 12.1
    assert heard.missing() == 0


@pytest.mark.parametrize(("jitter", "most"), [(0.02, 60), (0.06, 100), (0.12, 160)])
def test_it_waits_as_long_as_the_network_is_uneven(jitter: float, most: float) -> None:
    _, heard = played(list(stream(20, delay=uneven(jitter))), 20)
    assert heard.missing(since=2) <= 0.02 * 18 * 50
    assert heard.delay(since=2) <= most
    assert in_order(heard)


def test_the_delay_is_back_two_seconds_after_the_jitter_has_gone() -> None:
    rough = uneven(0.1)
    _, heard = played(list(stream(10, delay=lambda at: rough(at) if at < 5 else 0.01)), 10)
    assert heard.delay(since=4, until=5) > 80
    assert heard.delay(since=7) <= 50


def test_delay_is_bounded_whatever_the_jitter() -> None:
    buffer, heard = played(list(stream(20, delay=uneven(0.5))), 20)
    assert heard.delay() <= MOST
    assert buffer.late > 0


def test_loss_is_a_gap_and_no_more() -> None:
    chance = random.Random(1)
    arrivals = [arrival for arrival in stream(20) if chance.random() > 0.05]
    _, heard = played(arrivals, 20)
    assert heard.missing(since=0.1) == pytest.approx(1000 - len(arrivals), abs=3)
    assert heard.delay(since=1) <= 50


def test_duplicates_and_overtaking_are_not_heard() -> None:
    chance = random.Random(1)
    arrivals = list(stream(10))
    arrivals += chance.sample(arrivals, 100)
    for first in range(20, 400, 20):
        arrivals[first].at, arrivals[first + 1].at = arrivals[first + 1].at, arrivals[first].at
    _, heard = played(arrivals, 10)
    assert heard.missing(since=1) <= 2  # what it takes to wait for the overtaken ones
    assert in_order(heard)


@pytest.mark.parametrize("timestamp", [2**32 - 8000, 2**31 - 8000])
def test_timestamps_wrap(timestamp: int) -> None:
    _, heard = played(list(stream(4, timestamp=timestamp)), 4)
    assert heard.missing(since=0.1) == 0


@pytest.mark.parametrize("timestamp", [5, 10_000_000, 2**31 + 24_000])
def test_a_timestamp_that_jumps_loses_nothing(timestamp: int) -> None:
    first = list(stream(3))
    then = list(stream(5, start=3, first=0x10000 + 150, timestamp=timestamp))
    buffer, heard = played([*first, *then], 8)
    assert heard.missing(since=0.1) <= 1
    assert buffer.late == 0
    assert heard.delay(since=5) <= 50


def test_another_source_goes_on_where_the_first_one_ended() -> None:
    buffer = JitterBuffer()
    first = play(buffer, list(stream(3)), 3)
    buffer.restart()
    shifted = [
        Arrival(arrival.at, arrival.sequence, arrival.timestamp, arrival.payload)
        for arrival in stream(3, start=3.0, first=7, timestamp=123_456)
    ]
    second = play(buffer, shifted, 6, phase=3.003)
    assert first.missing(since=0.1) == 0
    assert second.missing() <= 3
    assert second.delay(since=4) <= 50


@pytest.mark.parametrize("stall", [0.3, 1.0, 3.0])
def test_a_stall_of_the_network_leaves_no_delay(stall: float) -> None:
    arrivals = list(stream(10))
    for arrival in arrivals:
        if 2 <= arrival.at < 2 + stall:
            arrival.at = 2 + stall
    _, heard = played(arrivals, 10)
    assert heard.delay() <= MOST
    assert heard.delay(since=2 + stall + 2.5) <= 50
    assert heard.missing(since=2 + stall + 1) <= 5


def test_one_hiccup_of_the_network_is_no_reason_to_wait_longer() -> None:
    arrivals = list(stream(10))
    for arrival in arrivals:
        if 2 <= arrival.at < 2.5:
            arrival.at = 2.5 + arrival.at / 1000
    buffer, heard = played(arrivals, 10)
    assert buffer.inserted == buffer.skipped == 0
    assert heard.delay() <= 50
    assert heard.missing(since=2.6) == 0


@pytest.mark.parametrize("together", [2, 3, 5])
def test_packets_that_always_come_in_bundles_are_waited_for(together: int) -> None:
    """As over a busy radio."""
    arrivals = list(stream(10))
    for number, arrival in enumerate(arrivals):
        arrival.at += 0.02 * (together - 1 - number % together)
    _, heard = played(arrivals, 9.8)
    assert heard.missing(since=1) == 0


def test_a_pause_of_the_sender_leaves_no_delay_whether_its_clock_ran_on_or_not() -> None:
    for timestamp in (3 * 8000, 30 * 8000):
        arrivals = list(stream(3))
        arrivals += stream(5, start=30, first=0x10000 + 150, timestamp=timestamp)
        _, heard = played(arrivals, 35)
        assert heard.missing(since=30.2) == 0
        assert heard.delay(since=31) <= 50


@pytest.mark.parametrize("pause", [0.1, 0.3, 0.6, 0.9, 1.1, 60.0])
def test_a_sender_whose_clock_stands_still_in_its_pauses(pause: float) -> None:
    arrivals = list(stream(3))
    arrivals += stream(3, start=3 + pause, first=0x10000 + 150, timestamp=3 * 8000)
    _, heard = played(arrivals, 5.9 + pause)
    assert heard.missing(since=3.2 + pause) == 0
    assert heard.delay(since=5 + pause) <= 55


def test_a_longer_way_is_waited_for() -> None:
    _, heard = played(list(stream(10, delay=lambda at: 0.01 if at < 4 else 0.09)), 10)
    assert heard.missing(since=6) == 0
    assert heard.missing(since=4, until=6) < 25


@pytest.mark.parametrize("drift", [0.001, -0.001])
def test_a_sender_whose_clock_is_wrong(drift: float) -> None:
    """A thousandth is far more than any real clock: one frame in 20 s too few, or too many."""
    _, heard = played(list(stream(120, drift=drift)), 118)
    assert heard.missing(since=1) <= 8
    assert heard.delay(since=1) <= 55


def test_memory_is_bounded_when_a_sender_floods() -> None:
    buffer = JitterBuffer()
    for number in range(100_000):
        buffer.put(number, number * 160, 0, bytes(160), number * 1e-5)
    assert len(buffer._packets) <= 256
    assert buffer.late > 90_000


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**17),
            st.integers(0, 2**32 - 1),
            st.integers(1, 500),
            st.floats(0, 0.2),
        ),
        max_size=200,
    )
)
def test_whatever_comes_every_frame_is_20_ms(packets: list[tuple[int, int, int, float]]) -> None:
    buffer = JitterBuffer()
    now = 0.0
    for sequence, timestamp, size, pause in packets:
        buffer.put(sequence, timestamp, 0, bytes(size), now)
        now += pause
        pieces = buffer.pull(now)
        assert sum(piece if isinstance(piece, int) else len(piece[1]) for piece in pieces) == FRAME
