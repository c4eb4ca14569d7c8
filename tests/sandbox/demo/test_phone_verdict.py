"""The verdict over the demo's phone call must be able to be bad."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.demo.phone_call import PhoneTalk
from sandbox.demo.phone_verdict import phone_faults
from sandbox.demo.record import Record
from sandbox.demo.script import PHONE_QUESTIONS, expected_dialogue
from tests.sandbox.demo.test_verdict import ogg

OPENING = "Hello, this is the Blue Door restaurant."
EXPECTED = expected_dialogue(OPENING, PHONE_QUESTIONS)
HEARD = [line.text for line in EXPECTED if line.speaker == "assistant"]
LADDER = "INVITE\n100\n200 OK (INVITE) [sendrecv]\nACK\nINVITE [sendonly]\nBYE\n200 OK (BYE)"
GONE = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """So long after Temporal was killed."""
    return (GONE + timedelta(seconds=seconds)).isoformat()


def told(kind: str, seconds: float, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "at": at(seconds), "actor": "callee", "text": kind, "data": data}


@pytest.fixture(scope="module")
def record() -> Record:
    call = {
        "status": "ended",
        "ended_reason": "assistant_hung_up",
        "talk_seconds": 30.2,
        "holds": [{"from": at(4.0), "to": at(5.5), "holder": "remote"}],
    }
    turns = [{"speaker": line.speaker, "text": line.text} for line in EXPECTED]
    timeline = [told("held", 4.0), told("resumed", 5.5), told("dtmf", 7.0, count=1)]
    return Record(call, turns, {"status": "ready"}, ogg(0.5), timeline)


@pytest.fixture
def talk() -> PhoneTalk:
    silent = {"packets": 3, "loudest": 8}
    return PhoneTalk(
        temporal_gone_at=GONE,
        temporal_back_at=GONE + timedelta(seconds=10),
        closed_by_assistant=True,
        carrier={
            "answered": True,
            "seconds": 30.0,
            "holds": [{"from": at(4.01), "to": at(5.49)}],
            "wire": {"before_answer": silent, "while_held": silent},
        },
        invites=1,
        heard=b"",
    )


def test_a_good_call_has_no_fault(record: Record, talk: PhoneTalk) -> None:
    assert phone_faults(record, talk, HEARD, EXPECTED, LADDER) == []


def with_carrier(talk: PhoneTalk, **changes: Any) -> PhoneTalk:
    return replace(talk, carrier=talk.carrier | changes)


def test_what_the_carrier_saw_counts(record: Record, talk: PhoneTalk) -> None:
    noisy = talk.carrier["wire"] | {"while_held": {"packets": 1, "loudest": 900}}
    for wrong, sentence in (
        (replace(talk, invites=2), "The carrier saw 2 INVITEs, not one."),
        (with_carrier(talk, answered=False), "The carrier says that the phone was not answered."),
        (with_carrier(talk, wire=noisy), "Sound came to the phone while held: 900 of 32767."),
        (with_carrier(talk, seconds=20.0), "The record has 30.2 s of talk, the carrier 20.0 s."),
        (with_carrier(talk, holds=[]), "The record has 1 holds and the carrier 0, not one each."),
    ):
        assert phone_faults(record, wrong, HEARD, EXPECTED, LADDER) == [sentence]


def test_what_the_phone_did_not_hear_is_named(record: Record, talk: PhoneTalk) -> None:
    (found,) = phone_faults(record, talk, HEARD[:1] + HEARD[2:], EXPECTED, LADDER)
    assert found == f"The phone did not hear {HEARD[1]!r} in its place."


def test_a_fact_with_the_time_of_its_arrival_is_a_fault(record: Record, talk: PhoneTalk) -> None:
    late = [told("held", 4.0), told("resumed", 5.5), told("dtmf", 11.0, count=1)]
    (found,) = phone_faults(replace(record, timeline=late), talk, HEARD, EXPECTED, LADDER)
    assert found.startswith("'dtmf' is not told with the time at which it happened")


def test_a_fact_that_never_came_is_a_fault(record: Record, talk: PhoneTalk) -> None:
    found = phone_faults(replace(record, timeline=[]), talk, HEARD, EXPECTED, LADDER)
    assert found == [
        f"The timeline has 0 entries {kind!r}, not one." for kind in ("held", "resumed", "dtmf")
    ]


def test_a_hold_at_another_time_is_a_fault(record: Record, talk: PhoneTalk) -> None:
    late = record.call | {"holds": [{"from": at(4.0), "to": at(9.0), "holder": "remote"}]}
    (found,) = phone_faults(replace(record, call=late), talk, HEARD, EXPECTED, LADDER)
    assert found.startswith("The hold is to")


def test_a_ladder_that_is_not_there_is_a_fault(record: Record, talk: PhoneTalk) -> None:
    (found,) = phone_faults(record, talk, HEARD, EXPECTED, "")
    assert found == "The SIP ladder lacks INVITE, 200 OK, ACK, sendonly, BYE."
