"""Is the record of a call right? Compared with what its caller lived through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.report import Check, Verdict

# Joining is seen by LiveKit a little before the caller's program knows it, leaving a little after.
TALK_TOLERANCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What the caller knows for sure."""

    talked_seconds: float
    opening: str  # what the assistant is set up to say first; empty when it need not be so
    greeted: bool
    spoke: bool
    wants_recording: bool
    stopgaps: tuple[str, ...] = ()  # what the assistant says of itself while it has no answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the API tells about the call, each document as it came."""

    call: dict[str, Any]
    timeline: list[dict[str, Any]]
    transcript: list[dict[str, Any]]
    recording: dict[str, Any]
    sha256: str  # of what the recording's link gave; empty without one


def judge(record: Record, lived: Lived) -> Iterator[Check]:
    yield _ending(record.call)
    yield _talk_time(record.call, lived)
    yield _timeline(record.timeline)
    if lived.greeted:
        yield _greeting(record.transcript, lived)
    if lived.spoke:
        yield _question(record.transcript)
        yield _answer(record.transcript, lived)
    yield _bill(record.call)
    if lived.wants_recording:
        yield _recording(record, lived)


def _ending(call: dict[str, Any]) -> Check:
    if call["status"] != "ended":
        return _check("ending", f"the call is {call['status']} although its caller left")
    told = f"{call['ended_reason']} (by {call['ended_by']})"
    if (call["ended_reason"], call["ended_by"]) != ("caller_hung_up", "caller"):
        return _check("ending", f"{told}, but it was the caller who hung up")
    return _check("ending", told=told)


def _talk_time(call: dict[str, Any], lived: Lived) -> Check:
    told = call["talk_seconds"]
    if told is None or abs(told - lived.talked_seconds) > TALK_TOLERANCE:
        found = "missing" if told is None else f"{told:.1f} s"
        return _check("talk time", f"{found}; the caller was there {lived.talked_seconds:.1f} s")
    return _check(
        "talk time", told=f"{told:.1f} s; the caller was there {lived.talked_seconds:.1f} s"
    )


def _timeline(items: list[dict[str, Any]]) -> Check:
    numbers = sorted(item["seq"] for item in items)  # they come in the order of their times
    if not items or numbers != list(range(1, len(items) + 1)):
        return _check("timeline", f"its numbers have gaps: {numbers}")
    if any(datetime.fromisoformat(item["at"]).tzinfo is None for item in items):
        return _check("timeline", "a moment has no time zone")
    return _check("timeline", told=f"{len(items)} events without a gap")


def _greeting(turns: list[dict[str, Any]], lived: Lived) -> Check:
    said = [turn["text"] for turn in turns if turn["speaker"] == "assistant"]
    if not said:
        return _check("greeting in transcript", "the assistant was heard, but has no turn there")
    if lived.opening and not _bare(lived.opening).startswith(_bare(said[0])):
        return _check("greeting in transcript", f"it begins {said[0]!r}, not {lived.opening!r}")
    return _check("greeting in transcript", told=f"“{said[0]}”")


def _question(turns: list[dict[str, Any]]) -> Check:
    heard = [turn["text"] for turn in turns if turn["speaker"] == "caller"]
    if not heard:
        return _check("caller in transcript", "the caller spoke, but has no turn there")
    return _check("caller in transcript", told=f"“{heard[0]}”")


def _answer(turns: list[dict[str, Any]], lived: Lived) -> Check:
    text = answer_in(turns, lived.stopgaps)
    if not text:
        return _check("answer in transcript", "the assistant said nothing of its own in reply")
    return _check("answer in transcript", told=f"“{text}”")


def answer_in(turns: list[dict[str, Any]], stopgaps: tuple[str, ...]) -> str:
    """The assistant's first turn after the caller's that is more than stopgaps, else empty.

    A filler comes without the language model, so it proves nothing about it.
    """
    rest = iter(turns)
    if not any(turn["speaker"] == "caller" for turn in rest):
        return ""
    words = sorted(filter(None, map(_bare, stopgaps)), key=len, reverse=True)
    fixed = re.compile("|".join(rf"\b{re.escape(each)}\b" for each in words) or "(?!)")
    for turn in rest:
        if turn["speaker"] == "assistant" and fixed.sub("", _bare(turn["text"])).strip():
            return str(turn["text"])
    return ""


def _bill(call: dict[str, Any]) -> Check:
    cost = call["cost"]
    if cost is None:
        return _check("bill", "it was not settled")
    total = f"{cost['total']} {cost['currency']} for {len(cost['items'])} items"
    if cost["partial"]:
        return _check("bill", f"{total}, but partial: {' '.join(cost['partial_because'])}")
    return _check("bill", told=total)


def _recording(record: Record, lived: Lived) -> Check:
    found = record.recording
    if found["status"] != "ready":
        why = f": {found['detail']}" if found["detail"] else ""
        return _check("recording", f"it is {found['status']}{why}")
    if record.sha256 != found["sha256"]:
        return _check("recording", "its link does not give what was stored")
    talked, length = lived.talked_seconds, found["duration_seconds"] or 0.0
    # It begins once there is something to hear.
    if not talked - 5 <= length <= talked + 5:
        return _check("recording", f"it lasts {length:.1f} s of a call of {talked:.1f} s")
    return _check("recording", told=f"{length:.1f} s, {found['size_bytes']:,} bytes, its hash fits")


def _check(name: str, trouble: str = "", *, told: str = "") -> Check:
    verdict = Verdict.FAILED if trouble else Verdict.OK
    return Check(name=name, verdict=verdict, detail=trouble or told)


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
