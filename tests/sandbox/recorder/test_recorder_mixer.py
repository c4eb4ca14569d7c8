"""Mixing on one clock, tried without a clock."""

from __future__ import annotations

import numpy as np

from sandbox.recorder.mixer import OPUS_FRAME, RATE, Samples, Timeline

FRAME = OPUS_FRAME / RATE


def ones(value: int = 1000) -> Samples:
    return np.full(OPUS_FRAME, value, dtype=np.int16)


def speak(timeline: Timeline, voice: str, start: float, seconds: float, value: int = 1000) -> None:
    for index in range(round(seconds / FRAME)):
        timeline.place(voice, ones(value), start + (index + 1) * FRAME)


def span(mixed: Samples, start: float, end: float) -> Samples:
    return mixed[round(start * RATE) : round(end * RATE)]


def test_two_voices_add_up_where_they_overlap() -> None:
    timeline = Timeline()
    speak(timeline, "a", 0.0, 1.0)
    speak(timeline, "b", 0.5, 0.5, 300)
    mixed = timeline.finish(1.0)
    assert set(span(mixed, 0.02, 0.48)) == {1000}
    assert set(span(mixed, 0.52, 0.98)) == {1300}


def test_loud_voices_are_clipped_not_wrapped() -> None:
    timeline = Timeline()
    speak(timeline, "a", 0.0, 0.2, 30_000)
    speak(timeline, "b", 0.0, 0.2, 30_000)
    assert timeline.finish(0.2).max() == 32767


def test_silence_lasts_as_long_as_the_clock_says() -> None:
    timeline = Timeline()
    speak(timeline, "a", 1.0, 0.5)
    mixed = np.concatenate((timeline.drain(3.0), timeline.finish(4.0)))
    assert len(mixed) == 4 * RATE
    assert not span(mixed, 0.0, 0.98).any()
    assert span(mixed, 1.02, 1.48).all()
    assert not span(mixed, 1.52, 4.0).any()


def test_a_burst_after_a_stall_leaves_no_hole() -> None:
    timeline = Timeline()
    speak(timeline, "a", 0.0, 0.5)
    early = timeline.drain(1.3)  # the loop stood still for 0.8 s, and drained first
    for _ in range(40):
        timeline.place("a", ones(), 1.3)
    speak(timeline, "a", 1.3, 0.7)
    mixed = np.concatenate((early, timeline.finish(2.0)))
    assert span(mixed, 0.02, 1.98).all()
    assert len(mixed) == 2 * RATE


def test_a_voice_that_lost_frames_is_moved_to_where_it_belongs() -> None:
    timeline = Timeline()
    speak(timeline, "a", 0.0, 0.5)
    speak(timeline, "a", 1.0, 0.6)  # half a second never arrived
    speak(timeline, "a", 1.6, 0.4, 2000)
    mixed = timeline.finish(2.0)
    assert set(span(mixed, 1.62, 1.98)) == {2000}


def test_a_voice_without_frames_holds_the_others_up_for_a_while_only() -> None:
    timeline = Timeline()
    timeline.place("stuck", ones(), FRAME)
    speak(timeline, "a", 0.0, 5.0, 500)
    assert len(timeline.drain(2.0)) == OPUS_FRAME
    assert len(timeline.drain(5.0)) == 2 * RATE - OPUS_FRAME
    timeline.remove("stuck")
    assert len(timeline.drain(5.0)) == round(2.8 * RATE)


def test_a_republished_track_begins_when_it_comes() -> None:
    timeline = Timeline()
    speak(timeline, "first", 0.0, 0.5)
    timeline.remove("first")
    speak(timeline, "second", 1.0, 0.5, 700)
    mixed = timeline.finish(1.5)
    assert not span(mixed, 0.52, 0.98).any()
    assert set(span(mixed, 1.02, 1.48)) == {700}
