"""Is the record of the demo's call right? Every fault in a sentence."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import av
import numpy as np

from sandbox.caller.hearing import LOUD
from sandbox.demo.conversation import Conversation
from sandbox.demo.record import Record
from sandbox.demo.script import Line


@dataclass(frozen=True, slots=True)
class Audio:
    container: str
    seconds: float
    loud_seconds: float


def faults(record: Record, conversation: Conversation, expected: Iterable[Line]) -> list[str]:
    return [
        *in_the_transcript(record, expected),
        *_in_the_sentiment(record),
        *_in_the_hold(record, conversation),
        *_in_the_ending(record, conversation),
        *in_the_recording(record),
        *_after_the_kill(conversation),
    ]


def in_the_transcript(record: Record, expected: Iterable[Line]) -> Iterator[str]:
    said = [Line(turn["speaker"], bare(turn["text"])) for turn in record.transcript]
    position = 0
    for line in expected:
        wanted = Line(line.speaker, bare(line.text))
        try:
            position = said.index(wanted, position) + 1
        except ValueError:
            where = "out of order" if wanted in said else "missing"
            yield f"The transcript's line {line.text!r} of the {line.speaker} is {where}."


def _in_the_sentiment(record: Record) -> Iterator[str]:
    """Media Bot transcribes the caller, in English, which has scores."""
    for turn in record.transcript:
        if turn["speaker"] == "caller" and "compound" not in (turn.get("sentiment") or {}):
            yield f"The caller's line {turn['text']!r} has no sentiment: {turn.get('reason')}"


def _in_the_hold(record: Record, conversation: Conversation) -> Iterator[str]:
    holders = [hold["holder"] for hold in record.call["holds"]]
    if holders != ["operator"]:
        yield f"The record has holds by {holders}, not one by the operator."
    if conversation.heard_in_hold < 1:
        yield f"Only {conversation.heard_in_hold:.1f} s of hold music were heard."


def _in_the_ending(record: Record, conversation: Conversation) -> Iterator[str]:
    expected = "assistant_hung_up" if conversation.closed_by_assistant else "caller_hung_up"
    if record.call["status"] != "ended":
        yield f"The call is {record.call['status']!r}, not ended."
    elif record.call["ended_reason"] != expected:
        yield f"The call ended {record.call['ended_reason']!r}, not {expected!r}."
    if not record.call.get("talk_seconds"):
        yield "The call has no talk time."


def in_the_recording(record: Record) -> Iterator[str]:
    if record.recording["status"] != "ready":
        yield f"The recording is {record.recording['status']!r}, not ready."
        return
    audio = listen_to(record.audio)
    if audio is None or audio.container != "ogg":
        yield "The recording's link does not give an OGG file."
    elif audio.loud_seconds < 5:
        yield f"The recording has only {audio.loud_seconds:.1f} s of sound."


def _after_the_kill(conversation: Conversation) -> Iterator[str]:
    if not conversation.worker_killed_at < conversation.worker_back_at:
        yield "The worker was not killed in mid-call."
    if conversation.heard_while_workerless + conversation.heard_afterwards < 1:
        yield "Nothing was heard after the worker was killed."


def listen_to(file: bytes) -> Audio | None:
    """None for what is no audio file at all."""
    try:
        with av.open(io.BytesIO(file), "r") as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
            rate = container.streams.audio[0].rate
            name = container.format.name
    except (av.FFmpegError, IndexError):
        return None
    # Opus decodes to floats of -1 to 1.
    loud = sum(frame.shape[-1] for frame in frames if np.abs(frame).max() * 32768 >= LOUD)
    return Audio(name, sum(frame.shape[-1] for frame in frames) / rate, loud / rate)


def bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
