"""Whether a record is right: each thing that can be wrong with one is found."""

from __future__ import annotations

from typing import Any

import pytest

from cli.report import Verdict
from cli.smoke.record import Lived, Record, judge

HELLO = "Hello, how can I help you?"
QUESTION = {"speaker": "caller", "text": "When do you open?"}
ANSWER = {"speaker": "assistant", "text": "At nine."}
ANSWERED = "answer in transcript"
PARTIAL = {
    "total": "0",
    "currency": "USD",
    "partial": True,
    "partial_because": ["atlas-1 was gone before it could say what it used."],
    "items": [],
}
LIVED = Lived(
    talked_seconds=12.0,
    opening=HELLO,
    greeted=True,
    spoke=True,
    wants_recording=True,
    stopgaps=("One moment.", "Hm,"),
)


def record(**changes: Any) -> Record:
    call = {
        "status": "ended",
        "ended_reason": "caller_hung_up",
        "ended_by": "caller",
        "talk_seconds": 12.4,
        "cost": {"total": "0.01", "currency": "USD", "partial": False, "items": [{}]},
    }
    usual: dict[str, Any] = {
        "call": call | changes.pop("call", {}),
        "timeline": [{"seq": n, "at": "2026-01-05T12:00:00Z"} for n in (1, 2, 3)],
        "transcript": [
            {"speaker": "assistant", "text": HELLO},
            {"speaker": "caller", "text": "When do you open?"},
            {"speaker": "assistant", "text": "One moment. At nine."},
        ],
        "recording": {
            "status": "ready",
            "detail": "",
            "duration_seconds": 11.0,
            "size_bytes": 1000,
            "sha256": "a1",
        },
        "sha256": "a1",
    }
    return Record(**(usual | changes))


def faults(found: Record, lived: Lived = LIVED) -> list[str]:
    return [check.name for check in judge(found, lived) if check.verdict is Verdict.FAILED]


def test_a_right_record_has_no_fault() -> None:
    assert faults(record()) == []
    assert len(list(judge(record(), LIVED))) == 8


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"call": {"status": "in_progress", "ended_reason": None}}, "ending"),
        ({"call": {"ended_reason": "platform_error"}}, "ending"),
        ({"call": {"ended_by": "unknown"}}, "ending"),
        ({"call": {"talk_seconds": None}}, "talk time"),
        ({"call": {"talk_seconds": 9.0}}, "talk time"),
        ({"call": {"talk_seconds": 30.0}}, "talk time"),
        ({"timeline": []}, "timeline"),
        ({"timeline": [{"seq": n, "at": "2026-01-05T12:00:00Z"} for n in (1, 3)]}, "timeline"),
        ({"timeline": [{"seq": n, "at": "2026-01-05T12:00:00Z"} for n in (1, 1)]}, "timeline"),
        (
            {
                "transcript": [
                    {"speaker": "assistant", "text": "Good night."},
                    QUESTION,
                    ANSWER,
                ]
            },
            "greeting in transcript",
        ),
        ({"call": {"cost": None}}, "bill"),
        (
            {
                "call": {
                    "cost": {
                        "total": "0",
                        "currency": "USD",
                        "partial": True,
                        "partial_because": ["x"],
                        "items": [],
                    }
                }
            },
            "bill",
        ),
        ({"recording": {"status": "needs_attention", "detail": "No space."}}, "recording"),
        ({"sha256": "b2"}, "recording"),
    ],
)
def test_each_fault_is_found_by_name(changes: dict[str, Any], fault: str) -> None:
    assert faults(record(**changes)) == [fault]


def test_turns_that_are_missing_are_named() -> None:
    greeting = {"speaker": "assistant", "text": HELLO}
    assert faults(record(transcript=[QUESTION])) == ["greeting in transcript", ANSWERED]
    assert faults(record(transcript=[greeting])) == ["caller in transcript", ANSWERED]
    assert faults(record(transcript=[greeting, QUESTION])) == [ANSWERED]


@pytest.mark.parametrize("said", ["One moment.", "Hm", "Hm, one moment … One moment!"])
def test_a_filler_is_no_answer(said: str) -> None:
    """It comes without the language model."""
    turns = [{"speaker": "assistant", "text": HELLO}, QUESTION]
    filler = {"speaker": "assistant", "text": said}
    assert faults(record(transcript=[*turns, filler])) == [ANSWERED]
    assert faults(record(transcript=[*turns, filler, ANSWER])) == []
    assert faults(record(transcript=[*turns, {**filler, "text": f"{said} At nine."}])) == []


def test_what_was_not_asked_for_is_not_judged() -> None:
    lived = Lived(
        talked_seconds=12.0, opening="", greeted=False, spoke=False, wants_recording=False
    )
    assert faults(record(transcript=[], recording={}, sha256=""), lived) == []
