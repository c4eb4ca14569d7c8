"""How each kind of provider is listened with: by livekit's own interfaces, at their edges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIStatusError, inference, stt

from agents.media_bot.transcription.audio import SAMPLE_RATE, AudioClock, Piece
from agents.media_bot.transcription.segment_session import ENDS_AFTER, SegmentSession
from agents.media_bot.transcription.sessions import Heard, SessionFailed, failure
from agents.media_bot.transcription.stream_session import StreamSession
from sandbox.providers.mouth import CALLER_VOICE, render
from tests.agents.media_bot.listening import STEP, piece
from tests.agents.virtual_clock import now, run

Event = stt.SpeechEventType
Script = Callable[["_Stream"], Coroutine[Any, Any, None]]


class Streaming(stt.STT[Any]):
    """Its streams do what a script says."""

    def __init__(self, script: Script) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.script = script

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, conn_options: Any = None, **_: Any) -> _Stream:
        return _Stream(stt=self, conn_options=conn_options)


class _Stream(stt.RecognizeStream):
    async def _run(self) -> None:
        plugin = self._stt
        assert isinstance(plugin, Streaming)
        await plugin.script(self)

    def emit(self, kind: Event, text: str = "", start: float = 0.0, end: float = 0.0) -> None:
        said = [stt.SpeechData("en", text, start_time=start, end_time=end)] if text else []
        self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=said))

    async def until_the_input_ends(self) -> None:
        async for _ in self._input_ch:
            pass


async def heard_by(session: StreamSession | SegmentSession) -> list[Heard]:
    return [heard async for heard in session.sentences()]


def listened(script: Script, *, finish_at: float | None = None) -> tuple[list[Heard], float, str]:
    """(what was heard, when it was over, why it failed)"""

    async def played() -> tuple[list[Heard], float, str]:
        session = StreamSession(Streaming(script))
        for number in range(100):
            session.push(piece(1000 + number * STEP, loud=True))
        if finish_at is not None:
            asyncio.get_running_loop().call_later(finish_at, session.finish)
        found: list[Heard] = []
        why = ""
        try:
            async for heard in session.sentences():
                found.append(heard)
        except SessionFailed as failed:
            why = str(failed)
        over = now()
        await session.aclose()
        return found, over, why

    return run(played())


def test_what_a_provider_is_sure_of_becomes_one_sentence_when_the_speech_ends() -> None:
    async def script(stream: _Stream) -> None:
        stream.emit(Event.START_OF_SPEECH)
        stream.emit(Event.FINAL_TRANSCRIPT, "I want", 1.0, 1.5)
        stream.emit(Event.FINAL_TRANSCRIPT, "a table.", 1.6, 2.5)
        stream.emit(Event.END_OF_SPEECH)
        await stream.until_the_input_ends()

    found, over, why = listened(script, finish_at=1.0)
    assert found == [Heard("I want a table.", 1001.0, 1002.5)]
    assert (over, why) == (1.0, "")


def test_without_times_those_that_words_usually_take_count() -> None:
    async def script(stream: _Stream) -> None:
        stream.emit(Event.FINAL_TRANSCRIPT, "two words")
        stream.emit(Event.END_OF_SPEECH)
        await stream.until_the_input_ends()

    found, _, _ = listened(script, finish_at=1.0)
    assert found == [Heard("two words", pytest.approx(1004.3), pytest.approx(1005.0))]


def test_a_sentence_that_never_ends_is_a_failure_but_not_one_that_goes_on() -> None:
    async def script(stream: _Stream) -> None:
        stream.emit(Event.START_OF_SPEECH)
        for _ in range(4):
            await asyncio.sleep(8)
            stream.emit(Event.INTERIM_TRANSCRIPT, "and")
        await asyncio.Event().wait()

    found, over, why = listened(script)
    assert (found, over, why) == ([], 42.0, "it never ended a sentence")


def test_silence_is_no_failure() -> None:
    async def script(stream: _Stream) -> None:
        for _ in range(100):
            await asyncio.sleep(5)
            stream.emit(Event.RECOGNITION_USAGE)
        await stream.until_the_input_ends()

    assert listened(script, finish_at=450.0) == ([], 452.5, "")


def test_who_does_not_hang_up_at_the_end_is_waited_for_a_moment() -> None:
    async def script(stream: _Stream) -> None:
        await stream.until_the_input_ends()
        await asyncio.sleep(2)
        stream.emit(Event.FINAL_TRANSCRIPT, "Goodbye.", 1.0, 2.0)
        await asyncio.Event().wait()

    found, over, why = listened(script, finish_at=1.0)
    assert ([heard.text for heard in found], over, why) == (["Goodbye."], 5.5, "")


def test_what_was_sure_is_kept_when_the_provider_fails() -> None:
    async def script(stream: _Stream) -> None:
        stream.emit(Event.FINAL_TRANSCRIPT, "I want", 1.0, 1.5)
        raise APIStatusError("overload", status_code=503, body="I want")

    found, _, why = listened(script)
    assert ([heard.text for heard in found], why) == (["I want"], "it answered with status 503")


def test_a_provider_that_hangs_up_by_itself_has_failed() -> None:
    async def script(stream: _Stream) -> None:
        await asyncio.sleep(1)

    assert listened(script) == ([], 1.0, "it hung up")


@pytest.mark.parametrize(
    ("error", "why", "retryable"),
    [
        (APIStatusError("no", status_code=401), "it answered with status 401", False),
        (APIStatusError("no", status_code=500), "it answered with status 500", True),
        (APIStatusError("cut", status_code=-1), "the line to it broke", True),
        (APIStatusError("closed", status_code=1011), "the line to it broke", True),
        (APIConnectionError("secret"), "it could not be reached", True),
        (TimeoutError("secret"), "it could not be reached", True),
        (RuntimeError("what was said"), "it failed", True),
    ],
    ids=["401", "500", "cut", "closed", "connection", "timeout", "other"],
)
def test_failures_are_told_in_our_words(error: Exception, why: str, retryable: bool) -> None:
    failed = failure(error)
    assert (str(failed), failed.retryable) == (why, retryable)


def test_a_gap_in_the_sound_is_a_gap_in_its_times() -> None:
    clock = AudioClock()
    for at in (10.0, 10.05, 60.0, 60.05):
        clock.push(piece(at, loud=True))
    assert [clock.time_of(place) for place in (0.0, 0.09, 0.1, 0.15)] == pytest.approx(
        [10.0, 10.09, 60.0, 60.05]
    )


# --- Clips: with the real voice detector, which knows no virtual time -----------------------------


class Clips(stt.STT[Any]):
    """Understands of a clip how long it is."""

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self.hangs = hangs
        self.lengths: list[float] = []

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        if self.hangs:
            await asyncio.Event().wait()
        clip = rtc.combine_audio_frames(buffer)
        self.lengths.append(clip.duration)
        return stt.SpeechEvent(
            Event.FINAL_TRANSCRIPT, alternatives=[stt.SpeechData("de", f"{len(self.lengths)}")]
        )


def spoken(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Speech without a pause that a detector would take for one."""
    words = render("yes we are going along and along and along", CALLER_VOICE, SAMPLE_RATE)
    voiced = np.flatnonzero(np.abs(words.astype(np.int32)) > 500)
    words = words[voiced[0] : voiced[-1]]
    return np.resize(words, int(seconds * SAMPLE_RATE))


def silence(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.int16)


def pieces(*parts: np.ndarray[Any, np.dtype[np.int16]]) -> list[Piece]:
    samples, step = np.concatenate(parts), int(SAMPLE_RATE * STEP)
    return [
        Piece(
            rtc.AudioFrame(samples[at : at + step].tobytes(), SAMPLE_RATE, 1, step),
            2000 + at / SAMPLE_RATE,
        )
        for at in range(0, samples.size - step + 1, step)
    ]


@pytest.fixture
def detector() -> inference.VAD:
    return inference.VAD(
        model="silero",
        min_speech_duration=0.1,
        min_silence_duration=ENDS_AFTER,
        max_buffered_speech=1.0,
    )


async def test_a_pause_makes_two_sentences_and_the_end_concludes_the_last(
    detector: inference.VAD,
) -> None:
    clips = Clips()
    session = SegmentSession(clips, detector)
    for each in pieces(silence(1), spoken(2), silence(1), spoken(2)):
        session.push(each)
    session.finish()
    first, second = await heard_by(session)
    assert (first.start, first.end) == pytest.approx((2001.0, 2003.0), abs=0.35)
    assert (second.start, second.end) == pytest.approx((2004.0, 2006.0), abs=0.35)
    assert session.seconds == pytest.approx(sum(clips.lengths))
    await session.aclose()


async def test_speech_without_a_pause_is_cut_and_nothing_of_it_lost(
    detector: inference.VAD,
) -> None:
    clips = Clips()
    session = SegmentSession(clips, detector)
    for each in pieces(spoken(70), silence(1)):
        session.push(each)
    session.finish()
    heard = await heard_by(session)
    assert len(heard) >= 3
    assert max(clips.lengths) < 29
    assert sum(clips.lengths) == pytest.approx(70, abs=2)
    for before, after in pairwise(heard):
        assert before.end == pytest.approx(after.start)
    await session.aclose()


async def test_an_answer_that_does_not_come_is_a_failure(detector: inference.VAD) -> None:
    session = SegmentSession(Clips(hangs=True), detector, answer_seconds=0.05)
    for each in pieces(spoken(1)):
        session.push(each)
    session.finish()
    with pytest.raises(SessionFailed, match="could not be reached"):
        await heard_by(session)
    await session.aclose()
