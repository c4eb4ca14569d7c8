"""Turn detection and the input buffer on the wire: what is told when, in which order."""

from __future__ import annotations

import aiohttp
import numpy as np
import pytest

from sandbox.providers.mouth import CALLER_VOICE, Samples, render
from sandbox.providers.pcm import Encoder, Format
from tests.sandbox.providers.conversations import DOG, HOURS, UNLISTED, quiet, spoken
from tests.sandbox.providers.lines import g711
from tests.sandbox.providers.openai.conversing import DOG_ANSWER, RATE
from tests.sandbox.providers.openai.wire import connected, log

TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


def vad(**how: object) -> dict[str, object]:
    return {"type": "server_vad", "silence_duration_ms": 300, **how}


def louder(samples: Samples, decibels: float) -> Samples:
    return np.clip(samples * 10 ** (decibels / 20), -32768, 32767).astype(np.int16)


async def test_a_turn_is_told_in_this_order(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await wire.configure(
            audio={
                "input": {"turn_detection": vad(), "transcription": {"model": "whisper-1"}},
            }
        )
        del wire.seen[:]
        await wire.hear(spoken(DOG, rate=RATE))
        await wire.until_all("response.done", TRANSCRIBED)
        once = [kind for kind in wire.types() if not kind.endswith(".delta")]
        once.remove(TRANSCRIBED)  # beside the others
        assert once == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        events = {event["type"]: event for event in wire.seen}
        item_id = events["input_audio_buffer.committed"]["item_id"]
        for kind in ("input_audio_buffer.speech_started", TRANSCRIBED):
            assert events[kind]["item_id"] == item_id
        output = events["response.done"]["response"]["output"]
        assert output[0]["content"] == [{"type": "output_audio", "transcript": DOG_ANSWER}]
        assert events[TRANSCRIBED]["transcript"] == DOG


@pytest.mark.parametrize(
    ("padding", "silence", "said"), [(300, 300, DOG), (0, 700, DOG), (300, 200, UNLISTED)]
)
async def test_times_are_of_the_audio(
    http: aiohttp.ClientSession, padding: int, silence: int, said: str
) -> None:
    async with connected(http) as wire:
        await wire.detect(
            vad(prefix_padding_ms=padding, silence_duration_ms=silence, create_response=False)
        )
        lead, sentence = quiet(1.0, RATE), render(said, CALLER_VOICE, RATE)
        for turn in range(2):
            await wire.hear(np.concatenate((lead, sentence, quiet(1.0, RATE))))
            started = await wire.until("input_audio_buffer.speech_started")
            stopped = await wire.until("input_audio_buffer.speech_stopped")
            length = 2000 + sentence.size * 1000 // RATE
            begin = turn * length + 1000
            assert started["audio_start_ms"] == pytest.approx(begin - padding, abs=150)
            end = begin + length - 2000 + silence
            assert stopped["audio_end_ms"] == pytest.approx(end, abs=150)


async def test_a_pause_longer_than_the_silence_parts_two_turns(
    http: aiohttp.ClientSession,
) -> None:
    clip = spoken(DOG, HOURS, rate=RATE, pause=0.5)
    for silence, turns in ((300, 2), (800, 1)):
        async with connected(http) as wire:
            await wire.detect(vad(silence_duration_ms=silence, create_response=False))
            await wire.hear(np.concatenate((clip, quiet(0.6, RATE))), milliseconds=3000)
            await wire.send("input_audio_buffer.clear")
            await wire.until("input_audio_buffer.cleared")
            assert wire.types().count("input_audio_buffer.speech_stopped") == turns


@pytest.mark.parametrize(("threshold", "heard"), [(0.5, True), (0.9, False)])
async def test_a_threshold_leaves_a_quiet_voice_out(
    http: aiohttp.ClientSession, threshold: float, heard: bool
) -> None:
    async with connected(http) as wire:
        await wire.detect(vad(threshold=threshold, create_response=False))
        await wire.hear(louder(spoken(DOG, rate=RATE), -32))
        await wire.send("input_audio_buffer.clear")
        await wire.until("input_audio_buffer.cleared")
        assert ("input_audio_buffer.speech_started" in wire.types()) is heard


@pytest.mark.parametrize("form", ["audio/pcmu", "audio/pcma"])
async def test_g711_in_and_out(http: aiohttp.ClientSession, form: str) -> None:
    codec = {"audio/pcmu": "ulaw", "audio/pcma": "alaw"}[form]
    async with connected(http) as wire:
        both = {"format": {"type": form}}
        await wire.configure(
            audio={
                "input": both | {"turn_detection": vad(), "transcription": {"model": "whisper-1"}},
                "output": both,
            }
        )
        encoder = Encoder(Format(codec, 8_000))
        line = g711(spoken(DOG, rate=8_000), 8_000)
        await wire.hear(encoder.encode(line) + encoder.finish(), milliseconds=20)
        found = await wire.until_all(TRANSCRIBED, "response.done")
        assert found[TRANSCRIBED]["transcript"] == DOG
        usage = found["response.done"]["response"]["usage"]
        deltas = [e for e in wire.seen if e["type"] == "response.output_audio.delta"]
        letters = sum(len(event["delta"]) for event in deltas)
        seconds = letters * 3 / 4 / 8_000
        tokens = usage["output_token_details"]["audio_tokens"]
        assert tokens == pytest.approx(seconds * 20, abs=2)


class TestTheBuffer:
    async def test_it_is_committed_by_hand(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.configure(
                audio={
                    "input": {"turn_detection": None, "transcription": {"model": "whisper-1"}},
                }
            )
            await wire.hear(spoken(HOURS, DOG, rate=RATE))
            await wire.send("input_audio_buffer.commit")
            assert (await wire.until("conversation.item.done"))["item"]["role"] == "user"
            assert (await wire.until(TRANSCRIBED))["transcript"] == f"{HOURS} {DOG}"
            await wire.send("input_audio_buffer.commit")
            error = await wire.refused()
            assert error["code"] == "input_audio_buffer_commit_empty"
            assert "only has 0.00ms of audio" in error["message"]

    async def test_a_commit_while_the_caller_speaks_ends_the_turn(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with connected(http) as wire:
            await wire.detect(vad(silence_duration_ms=2000, create_response=False))
            await wire.hear(spoken(DOG, rate=RATE, pause=0.2))
            started = await wire.until("input_audio_buffer.speech_started")
            await wire.send("input_audio_buffer.commit")
            committed = await wire.until("input_audio_buffer.committed")
            assert committed["item_id"] == started["item_id"]
            await wire.hear(quiet(3.0, RATE))
            await wire.send("response.create")
            done = await wire.until("response.done")
            assert done["response"]["output"][0]["content"][0]["transcript"] == DOG_ANSWER
            assert "input_audio_buffer.speech_stopped" not in wire.types()

    async def test_cleared_speech_is_no_turn(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.detect(vad())
            await wire.hear(spoken(DOG, rate=RATE, pause=0.1))
            await wire.until("input_audio_buffer.speech_started")
            await wire.send("input_audio_buffer.clear")
            await wire.hear(quiet(1.0, RATE))
            await wire.configure()
            assert "input_audio_buffer.speech_stopped" not in wire.types()

    async def test_odd_bytes_are_put_together(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.detect(vad(create_response=False))
            data = spoken(DOG, rate=RATE).tobytes()
            for at in range(0, len(data), 4801):
                await wire.hear(data[at : at + 4801], milliseconds=1000)
            await wire.until("input_audio_buffer.committed")
            assert (await log(http))[-1]["text"] == DOG


class TestTheLog:
    async def test_it_tells_what_was_not_sent_before_what(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with connected(http) as wire:
            await wire.detect(None)
            await wire.hear(quiet(0.5, RATE))
            await wire.say('Say exactly: "Hello."', metadata={"audio": "no"})
            await wire.hear(quiet(0.3, RATE))
            await wire.ws.send_json({"type": "nonsense", "audio": "x" * 100_000})
            while (await wire.next())["type"] != "response.done":
                pass
        entries = [entry for entry in await log(http) if entry["event"] == "client"]
        assert [entry["type"] for entry in entries] == [
            "session.update",
            "input_audio_buffer.append",
            "response.create",
            "input_audio_buffer.append",
            "nonsense",
        ]
        times = [entry["monotonic"] for entry in entries]
        assert times == sorted(times)
        assert (entries[1]["count"], entries[1]["seconds"]) == (5, 0.5)
        assert entries[1]["last_at"] >= entries[1]["at"]
        assert entries[2]["body"]["response"]["instructions"] == 'Say exactly: "Hello."'
        assert "xxx" not in str(entries)

    async def test_it_times_what_was_heard_and_said(self, http: aiohttp.ClientSession) -> None:
        async with connected(http) as wire:
            await wire.detect(vad())
            await wire.hear(spoken(DOG, rate=RATE))
            await wire.until("response.done")
        entries = {entry["event"]: entry for entry in await log(http)}
        assert entries.pop("connecting")["query"] == {"model": "gpt-realtime"}
        utterance, response = entries["utterance"], entries["response"]
        assert (utterance["text"], utterance["hearing"]) == (DOG, "strict")
        assert utterance["audio_end_at"] <= utterance["final_sent_at"] <= response["at"]
        assert (response["said"], response["status"]) == (DOG_ANSWER, "completed")
        assert response["at"] <= response["first_audio_at"] <= response["finished_at"]
        assert {entry["session"] for entry in entries.values()} == {wire.seen[0]["session"]["id"]}
