"""Turns as the caller lives them, with the moments of each step on the platform's side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sandbox.caller import Caller
from sandbox.caller.hearing import LOUD
from sandbox.providers.mouth import render
from tests.bench.bench import ANSWER_LIMIT, GREETING_LIMIT, Bench, wall

QUESTIONS = (
    "What are your opening hours?",
    "Where are you located?",
    "Do you have a vegetarian menu?",
    "Can I bring my dog?",
    "Is there parking nearby?",
    "How much is the tasting menu?",
)
_RATE = 22_050


class NoTrace(LookupError):
    """A stand-in's log lacks what must be there of a turn that was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Moments of time.time(); `quiet` is the silence with which the answer's audio begins."""

    said: float
    speech_ended_at_stt: float
    stt_final: float
    llm_asked: float
    llm_first_token: float
    llm_first_sentence: float
    tts_first_text: float
    tts_first_audio: float
    heard: float
    quiet: float

    @property
    def raw(self) -> float:
        return self.heard - self.said

    @property
    def net(self) -> float:
        """Without the stand-ins' endpointing and recognition, first token and first audio."""
        return self.raw - covered(
            [
                (self.speech_ended_at_stt, self.stt_final),
                (self.llm_asked, self.llm_first_token),
                (self.tts_first_text, self.tts_first_audio),
            ],
            self.said,
            self.heard,
        )

    @property
    def bare(self) -> float:
        """Also without the words of the first sentence, and the silence before the first sound."""
        return self.raw - covered(
            [
                (self.speech_ended_at_stt, self.stt_final),
                (self.llm_asked, self.llm_first_sentence),
                (self.tts_first_text, self.tts_first_audio),
                (self.heard - self.quiet, self.heard),
            ],
            self.said,
            self.heard,
        )

    def steps(self) -> dict[str, float]:
        """ms since the last voiced sample was sent."""
        moments = {
            "last voiced sample sent": self.said,
            "it reached the STT stand-in (transport, Atlas)": self.speech_ended_at_stt,
            "final transcript sent (stand-in: endpointing, recognition)": self.stt_final,
            "LLM stand-in asked (Atlas: end of turn)": self.llm_asked,
            "first token sent (stand-in)": self.llm_first_token,
            "its first sentence sent (stand-in)": self.llm_first_sentence,
            "TTS stand-in got text (Atlas: knows that the sentence is whole)": self.tts_first_text,
            "first audio sent (stand-in)": self.tts_first_audio,
            "first sound of it due (stand-in: leading silence)": self.tts_first_audio + self.quiet,
            "heard by the caller (Atlas, transport)": self.heard,
        }
        return {name: (at - self.said) * 1000 for name, at in moments.items()}


def covered(intervals: list[tuple[float, float]], begin: float, end: float) -> float:
    """Seconds between begin and end that any of the intervals covers, overlaps once."""
    total, reached = 0.0, begin
    for first, last in sorted(intervals):
        first, last = max(first, reached), min(last, end)
        if last > first:
            total += last - first
            reached = last
    return total


async def greeted(caller: Caller) -> float:
    """When the greeting's first loud frame came; returns after its end. Raises NotHeard."""
    first = await caller.heard.wait_until_heard(timeout=GREETING_LIMIT)
    await caller.heard.wait_for_quiet()
    return first


async def ask(caller: Caller, question: str) -> tuple[float, float]:
    """(last voiced sample sent, first loud frame heard), time.monotonic(). Raises NotHeard."""
    spoken = await caller.say(question)
    heard = await caller.heard.wait_until_heard(0.2, since=spoken.ended_at, timeout=ANSWER_LIMIT)
    await caller.heard.wait_for_quiet()
    return spoken.ended_at, heard


async def timed_turn(bench: Bench, caller: Caller, question: str) -> Turn:
    """Raises NotHeard, NoTrace."""
    said, heard = (wall(moment) for moment in await ask(caller, question))
    stt = _last(
        await bench.log_of("deepgram"), "final_sent_at", said, heard, text=question, slack=0.5
    )
    llm = _last(await bench.log_of("groq"), "first_token_at", said, heard, last_text=question)
    tts = _last(await bench.log_of("elevenlabs"), "first_audio_at", said, heard, text=llm["said"])
    return Turn(
        said=said,
        speech_ended_at_stt=stt["audio_end_at"],
        stt_final=stt["final_sent_at"],
        llm_asked=llm.get("received_at", llm["at"]),
        llm_first_token=llm["first_token_at"],
        llm_first_sentence=llm["first_sentence_at"],
        tts_first_text=tts["first_text_at"],
        tts_first_audio=tts["first_audio_at"],
        heard=heard,
        quiet=leading_silence(tts["text"], tts["voice"]),
    )


@cache
def leading_silence(text: str, voice: str) -> float:
    """Seconds of the stand-in's rendering before the sample that the caller would call loud."""
    samples = render(text, voice, _RATE)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) >= LOUD)
    return float(loud[0]) / _RATE if loud.size else 0.0


def _last(
    log: list[dict[str, Any]],
    moment: str,
    begin: float,
    end: float,
    *,
    slack: float = 0.0,
    **wanted: str,
) -> dict[str, Any]:
    """The last entry with these fields: with pre-emptive generation an earlier one was dropped."""
    for entry in reversed(log):
        if begin - slack <= entry.get(moment, 0.0) <= end and all(
            entry.get(name) == value for name, value in wanted.items()
        ):
            return entry
    raise NoTrace(f"No log entry with {moment} between question and answer, {wanted}.")
