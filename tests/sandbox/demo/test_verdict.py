"""The demo's verdict must be able to be bad."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import av
import numpy as np
import pytest

from sandbox.demo.conversation import Conversation
from sandbox.demo.record import Record
from sandbox.demo.script import GOODBYE, QUESTIONS, expected_dialogue
from sandbox.demo.verdict import faults

OPENING = "Hello, this is the Blue Door restaurant."
EXPECTED = expected_dialogue(OPENING)
SCORES = {"neg": 0.0, "neu": 1.0, "pos": 0.0, "compound": 0.0}
TURNS: list[dict[str, Any]] = [
    {"speaker": one.speaker, "text": one.text}
    | ({"sentiment": SCORES} if one.speaker == "caller" else {})
    for one in EXPECTED
]
GOOD = Conversation(
    first_word_at=1.0,
    heard_in_hold=2.9,
    worker_killed_at=10.0,
    worker_back_at=14.0,
    heard_while_workerless=3.0,
    heard_afterwards=5.0,
    closed_by_assistant=True,
)


def ogg(loudness: float) -> bytes:
    """Ten seconds of a tone as OGG/Opus."""
    file = io.BytesIO()
    tone = np.sin(np.arange(480_000) * 0.05) * loudness * 32767
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone.astype(np.int16)[None, :], "s16", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture(scope="module")
def good() -> Record:
    call = {"status": "ended", "ended_reason": "assistant_hung_up", "talk_seconds": 20.0}
    call["holds"] = [{"holder": "operator"}]
    return Record(call, TURNS, {"status": "ready"}, ogg(0.5))


def test_a_good_call_has_no_fault(good: Record) -> None:
    assert faults(good, GOOD, EXPECTED) == []


def test_the_script_is_in_the_scenario() -> None:
    said = [line.text for line in EXPECTED if line.speaker == "caller"]
    assert said == [*QUESTIONS, GOODBYE]


def test_punctuation_and_case_do_not_matter(good: Record) -> None:
    turns = [turn | {"text": turn["text"].lower().replace("?", "")} for turn in TURNS]
    assert faults(replace(good, transcript=turns), GOOD, EXPECTED) == []


def test_swapped_turns_are_told(good: Record) -> None:
    swapped = [*TURNS[:2], TURNS[3], TURNS[2], *TURNS[4:]]
    (fault,) = faults(replace(good, transcript=swapped), GOOD, EXPECTED)
    assert "is out of order" in fault


def test_a_missing_turn_is_told(good: Record) -> None:
    (fault,) = faults(replace(good, transcript=TURNS[:-1]), GOOD, EXPECTED)
    assert fault == "The transcript's line 'Thank you, goodbye.' of the caller is missing."


@pytest.mark.parametrize(
    ("recording", "audio", "sentence"),
    [
        ({"status": "needs_attention"}, b"", "The recording is 'needs_attention', not ready."),
        ({"status": "ready"}, b"", "does not give an OGG file"),
        ({"status": "ready"}, b"no audio at all", "does not give an OGG file"),
        ({"status": "ready"}, ogg(0.0), "has only 0.0 s of sound"),
    ],
)
def test_a_bad_recording_is_told(
    good: Record, recording: dict[str, Any], audio: bytes, sentence: str
) -> None:
    (fault,) = faults(replace(good, recording=recording, audio=audio), GOOD, EXPECTED)
    assert sentence in fault


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"status": "in_progress"}, "not ended"),
        ({"ended_reason": "platform_error"}, "ended 'platform_error', not 'assistant_hung_up'"),
        ({"talk_seconds": None}, "no talk time"),
    ],
)
def test_a_bad_ending_is_told(good: Record, call: dict[str, Any], sentence: str) -> None:
    (fault,) = faults(replace(good, call=good.call | call), GOOD, EXPECTED)
    assert sentence in fault


def test_a_hold_without_music_is_told(good: Record) -> None:
    (fault,) = faults(good, replace(GOOD, heard_in_hold=0.2), EXPECTED)
    assert fault == "Only 0.2 s of hold music were heard."


def test_a_hold_that_the_record_does_not_have_is_told(good: Record) -> None:
    (fault,) = faults(replace(good, call=good.call | {"holds": []}), GOOD, EXPECTED)
    assert "not one by the operator" in fault


def test_a_turn_without_sentiment_is_told(good: Record) -> None:
    turns = [turn | {"sentiment": None, "reason": "Why not."} for turn in TURNS]
    found = faults(replace(good, transcript=turns), GOOD, EXPECTED)
    assert len(found) == len(QUESTIONS) + 1
    assert found[0] == f"The caller's line {QUESTIONS[0]!r} has no sentiment: Why not."


def test_silence_after_the_kill_is_told(good: Record) -> None:
    silent = replace(GOOD, heard_while_workerless=0.0, heard_afterwards=0.0)
    assert faults(good, silent, EXPECTED) == ["Nothing was heard after the worker was killed."]
