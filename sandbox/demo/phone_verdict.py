"""Is the phone call's record right, and what the phone heard? Every fault in a sentence.

The carrier's own account is the other side of each: what the record says must be what it saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sandbox.demo.phone_call import PhoneTalk
from sandbox.demo.record import Record
from sandbox.demo.script import DIGIT, Line
from sandbox.demo.verdict import bare, in_the_recording, in_the_transcript

_DIGITAL_SILENCE = 8  # of 32767: what G.711's A-law makes of zero
_CLOCKS_AGREE = timedelta(seconds=1)
# What the phone did while Temporal was away.
_MISSED = ("held", "resumed", "dtmf")


def phone_faults(
    record: Record,
    talk: PhoneTalk,
    heard: Iterable[str],
    expected: Iterable[Line],
    ladder: str,
) -> list[str]:
    """`heard`: the sentences that were recognised at the phone's side; `ladder`: the SIP's."""
    lines = list(expected)
    return [
        *in_the_transcript(record, lines),
        *in_the_recording(record),
        *_in_the_ending(record, talk),
        *_at_the_phone(talk, list(heard), lines),
        *_in_the_hold(record, talk),
        *_while_temporal_was_away(record, talk),
        *_in_the_ladder(ladder),
    ]


def _in_the_ending(record: Record, talk: PhoneTalk) -> Iterator[str]:
    expected = "assistant_hung_up" if talk.closed_by_assistant else "callee_hung_up"
    call = record.call
    if (call["status"], call["ended_reason"]) != ("ended", expected):
        yield (
            f"The phone call is {call['status']!r} with {call['ended_reason']!r}, not 'ended' with "
            f"{expected!r}."
        )
    talked, carried = float(call.get("talk_seconds") or 0), float(talk.carrier["seconds"] or 0)
    if abs(talked - carried) > _CLOCKS_AGREE.total_seconds():
        yield f"The record has {talked} s of talk, the carrier {carried} s."


def _at_the_phone(talk: PhoneTalk, heard: list[str], expected: list[Line]) -> Iterator[str]:
    if talk.invites != 1:
        yield f"The carrier saw {talk.invites} INVITEs, not one."
    if not talk.carrier["answered"]:
        yield "The carrier says that the phone was not answered."
    position = 0
    for line in expected:
        if line.speaker == "assistant":
            try:
                position = [bare(text) for text in heard].index(bare(line.text), position) + 1
            except ValueError:
                yield f"The phone did not hear {line.text!r} in its place."
    for when in ("before_answer", "while_held"):
        loudest = talk.carrier["wire"][when]["loudest"]
        if loudest > _DIGITAL_SILENCE:
            yield f"Sound came to the phone {when.replace('_', ' ')}: {loudest} of 32767."


def _in_the_hold(record: Record, talk: PhoneTalk) -> Iterator[str]:
    ours, theirs = record.call["holds"], talk.carrier["holds"]
    if len(ours) != 1 or len(theirs) != 1:
        yield f"The record has {len(ours)} holds and the carrier {len(theirs)}, not one each."
        return
    for end in ("from", "to"):
        if not ours[0][end] or abs(_at(ours[0][end]) - _at(theirs[0][end])) > _CLOCKS_AGREE:
            yield f"The hold is {end} {ours[0][end]} in the record, {theirs[0][end]} at the phone."


def _while_temporal_was_away(record: Record, talk: PhoneTalk) -> Iterator[str]:
    for kind in _MISSED:
        entries = [entry for entry in record.timeline if entry["kind"] == kind]
        if len(entries) != 1:
            yield f"The timeline has {len(entries)} entries {kind!r}, not one."
        elif not talk.temporal_gone_at <= _at(entries[0]["at"]) <= talk.temporal_back_at:
            yield f"{kind!r} is not told with the time at which it happened, {entries[0]['at']}."
    pressed = [entry for entry in record.timeline if entry["kind"] == "dtmf"]
    if pressed and pressed[0]["data"].get("count") != len(DIGIT):
        yield f"The timeline has {pressed[0]['data'].get('count')} keys, not {len(DIGIT)}."


def _in_the_ladder(ladder: str) -> Iterator[str]:
    missing = [
        word for word in ("INVITE", "200 OK", "ACK", "sendonly", "BYE") if word not in ladder
    ]
    if missing:
        yield f"The SIP ladder lacks {', '.join(missing)}."


def _at(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))
