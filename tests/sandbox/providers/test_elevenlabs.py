"""The real ElevenLabs plugins, and a client without manners, against the stand-in."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.plugins import elevenlabs

from sandbox.providers.ears import Ears, Phrase
from sandbox.providers.mouth import ASSISTANT_VOICE
from tests.sandbox.providers.conversations import (
    DOG,
    HOURS,
    ONCE,
    UNLISTED,
    finals,
    frames,
    hear,
    spoken,
)

SPEECH = "/elevenlabs/v1/text-to-speech/default"
MULTI = f"{SPEECH}/multi-stream-input?output_format=pcm_16000"
SCRIBE = "/elevenlabs/v1/speech-to-text/realtime?model_id=scribe_v2_realtime&audio_format=pcm_16000"
BATCH = "/elevenlabs/v1/speech-to-text"
KEY = {"xi-api-key": "any-key"}
FIRST, SECOND = "We are open from noon until eleven.", "Dogs are welcome on the terrace."


def mouth(http: aiohttp.ClientSession, address: str, **options: Any) -> elevenlabs.TTS:
    settings = {"api_key": "any-key", "voice_id": "default", "encoding": "pcm_16000", **options}
    return elevenlabs.TTS(base_url=f"{address}/elevenlabs/v1", http_session=http, **settings)


def ear(http: aiohttp.ClientSession, address: str, **options: Any) -> elevenlabs.STT:
    settings = {"api_key": "any-key", "model": "scribe_v2_realtime", **options}
    return elevenlabs.STT(base_url=f"{address}/elevenlabs/v1", http_session=http, **settings)


async def say(voice: elevenlabs.TTS, *texts: str) -> tuple[np.ndarray[Any, Any], int]:
    """(samples, rate) of what the plugin plays for these texts."""
    pieces, rate = [], 0
    async with voice.stream(conn_options=ONCE) as stream:
        for text in texts:
            stream.push_text(text)
        stream.end_input()
        async for audio in stream:
            pieces.append(np.frombuffer(audio.frame.data, dtype=np.int16))
            rate = audio.frame.sample_rate
    return np.concatenate(pieces), rate


def words_in(samples: np.ndarray[Any, Any], rate: int) -> str | None:
    ears = Ears(voices=[ASSISTANT_VOICE])
    ears.learn([Phrase(FIRST), Phrase(SECOND)])
    heard = ears.recognise(samples, rate)
    return heard.phrase.text if heard else None


@pytest.mark.parametrize("encoding", ["pcm_16000", "pcm_22050", "pcm_24000", "mp3_22050_32"])
async def test_what_is_spoken_is_the_text(
    http: aiohttp.ClientSession, address: str, encoding: str
) -> None:
    voice = mouth(http, address, encoding=encoding)
    for text in (FIRST, SECOND):
        assert words_in(*await say(voice, text)) == text
    await voice.aclose()


async def test_a_text_in_pieces_is_spoken_whole_and_timed(
    http: aiohttp.ClientSession, address: str
) -> None:
    voice = mouth(http, address)
    samples, rate = await say(
        voice, "We are open from ", "noon until eleven. Dogs are ", "welcome."
    )
    assert 2.0 < samples.size / rate < 5.0
    await voice.aclose()
    log = (await (await http.get("/elevenlabs/control/log")).json())["log"]
    context = next(entry for entry in log if entry.get("event") == "context")
    assert context["text"] == "We are open from noon until eleven. Dogs are welcome."
    assert context["first_text_at"] <= context["first_audio_at"] <= context["finished_at"]
    assert context["first_audio_at"] - context["first_text_at"] < 5


async def test_speech_over_http(http: aiohttp.ClientSession, address: str) -> None:
    voice = mouth(http, address)
    async with voice.synthesize(FIRST, conn_options=ONCE) as stream:
        frame = await stream.collect()
    assert words_in(np.frombuffer(frame.data, dtype=np.int16), frame.sample_rate) == FIRST
    await voice.aclose()


async def test_voices_are_listed_and_differ(http: aiohttp.ClientSession, address: str) -> None:
    voices = await mouth(http, address).list_voices()
    assert "default" in [voice.id for voice in voices]
    other = await say(mouth(http, address, voice_id="espeak:es+f2"), "Buenos días.")
    assert other[0].size > 8_000


async def test_contexts_of_one_socket_are_kept_apart(http: aiohttp.ClientSession) -> None:
    audio: dict[str, bytes] = {"a": b"", "b": b""}
    closed: list[str] = []
    async with http.ws_connect(MULTI, headers=KEY) as ws:
        for context, text in (("a", FIRST), ("b", SECOND)):
            await ws.send_json({"text": " ", "context_id": context, "voice_settings": {}})
            await ws.send_json({"text": f"{text} ", "context_id": context})
        await ws.send_json({"text": "", "context_id": "a"})  # keep-alive
        for context in ("b", "a"):
            await ws.send_json({"text": "", "context_id": context, "flush": True})
            await ws.send_json({"context_id": context, "close_context": True})
        while len(closed) < 2:
            message = await ws.receive_json(timeout=15)
            audio[message["contextId"]] += base64.b64decode(message.get("audio") or "")
            closed += [message["contextId"]] if message.get("isFinal") else []
        await ws.send_json({"close_socket": True})
        assert (await ws.receive(timeout=15)).type is aiohttp.WSMsgType.CLOSE
    assert closed == ["b", "a"]
    spoken_words = [words_in(np.frombuffer(audio[c], dtype=np.int16), 16_000) for c in "ab"]
    assert spoken_words == [FIRST, SECOND]


@pytest.mark.parametrize("order", [(HOURS, DOG), (DOG, HOURS)])
async def test_scribe_commits_by_itself(
    http: aiohttp.ClientSession, address: str, order: tuple[str, str]
) -> None:
    vad = {"vad_silence_threshold_secs": 0.3}
    clip = spoken(order[0], UNLISTED, order[1])
    for language in ({"language_code": "en"}, {}):
        seen = await hear(ear(http, address, server_vad=vad, **language), clip, turns=2)
        assert finals(seen) == list(order)


async def test_scribe_commits_when_told(http: aiohttp.ClientSession, address: str) -> None:
    seen = await hear(ear(http, address), spoken(HOURS, pause=0.1), flush=True, turns=1)
    assert finals(seen) == [HOURS]
    log = (await (await http.get("/elevenlabs/control/log")).json())["log"]
    assert log[-1]["final_sent_at"] >= log[-1]["audio_end_at"]


@pytest.mark.parametrize("model", ["scribe_v1", "scribe_v2"])
async def test_scribe_transcribes_a_recording(
    http: aiohttp.ClientSession, address: str, model: str
) -> None:
    batch = ear(http, address, model=model)
    for clip, text in ((spoken(HOURS, DOG), f"{HOURS} {DOG}"), (spoken(UNLISTED), "")):
        heard = await batch.recognize(frames(clip), conn_options=ONCE)
        assert heard.alternatives[0].text == text
