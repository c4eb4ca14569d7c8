"""The real Deepgram plugin, and a client without manners, against the stand-in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.agents import APIStatusError, stt
from livekit.plugins import deepgram

from sandbox.providers.mouth import CALLER_VOICES, Samples
from tests.sandbox.providers.conversations import (
    DOG,
    HOURS,
    ONCE,
    TABLE,
    UNLISTED,
    finals,
    frames,
    hear,
    quiet,
    spoken,
)
from tests.sandbox.providers.lines import g711

LISTEN = "/deepgram/v1/listen?encoding=linear16&sample_rate=16000"
KEY = {"Authorization": "Token any-key"}


def plugin(http: aiohttp.ClientSession, address: str, **options: Any) -> deepgram.STT:
    base_url = f"{address}/deepgram/v1/listen"
    settings = {"api_key": "any-key", **options}
    return deepgram.STT(base_url=base_url, http_session=http, **settings)


@pytest.mark.parametrize("order", [(HOURS, DOG, TABLE), (DOG, TABLE, HOURS)])
async def test_sentences_come_out_in_the_order_they_went_in(
    http: aiohttp.ClientSession, address: str, order: tuple[str, ...]
) -> None:
    seen = await hear(plugin(http, address), spoken(*order), turns=3)
    assert finals(seen) == list(order)
    kinds = [event.type for event in seen]
    assert kinds.count(stt.SpeechEventType.START_OF_SPEECH) == 3
    assert kinds.count(stt.SpeechEventType.END_OF_SPEECH) >= 2


@pytest.mark.parametrize("voice", CALLER_VOICES)
async def test_a_caller_on_the_telephone_is_heard(
    http: aiohttp.ClientSession, address: str, voice: str
) -> None:
    clip = g711(spoken(HOURS, DOG, voice=voice), 16_000)
    ear = plugin(http, address, sample_rate=8_000)
    stream = ear.stream(conn_options=ONCE)
    for frame in frames(clip, 8_000):
        stream.push_frame(frame)
    seen: list[stt.SpeechEvent] = []
    async for event in stream:
        seen.append(event)
        if len(finals(seen)) == 2:
            break
    await stream.aclose()
    assert finals(seen) == [HOURS, DOG]


@pytest.mark.parametrize("language", ["en-US", "en", "multi"])
async def test_each_way_to_say_english_is_understood(
    http: aiohttp.ClientSession, address: str, language: str
) -> None:
    seen = await hear(plugin(http, address, language=language), spoken(HOURS), turns=1)
    assert finals(seen) == [HOURS]


def noise(seconds: float) -> Samples:
    return (np.random.default_rng(3).normal(size=int(16_000 * seconds)) * 3_000).astype(np.int16)


@pytest.mark.parametrize(
    "before", [quiet(3.0), noise(2.0), spoken(UNLISTED)], ids=["silence", "noise", "unlisted"]
)
async def test_what_is_no_listed_phrase_gives_no_text(
    http: aiohttp.ClientSession, address: str, before: Samples
) -> None:
    clip = np.concatenate((before, quiet(1.0), spoken(DOG)))
    seen = await hear(plugin(http, address), clip, turns=1)
    assert finals(seen) == [DOG]


async def test_noise_in_place_of_the_caller_gives_nothing(
    http: aiohttp.ClientSession, address: str
) -> None:
    async with http.ws_connect(LISTEN + "&interim_results=true", headers=KEY) as ws:
        await ws.send_bytes(np.concatenate((noise(5.0), quiet(1.0))).tobytes())
        texts = [m["channel"]["alternatives"][0]["transcript"] for m in await rest(ws)]
    assert set(texts) <= {""}


async def rest(ws: aiohttp.ClientWebSocketResponse, kind: str = "Results") -> list[dict[str, Any]]:
    """Close the stream and read it to its end; the messages of this kind."""
    await ws.send_json({"type": "CloseStream"})
    messages = [json.loads(message.data) async for message in ws]
    assert messages[-1]["type"] == "Metadata"
    assert ws.close_code == 1000
    return [message for message in messages if message["type"] == kind]


async def test_a_phrase_is_final_after_its_endpointing_and_its_words_are_timed(
    http: aiohttp.ClientSession,
) -> None:
    clip = spoken(HOURS)
    async with http.ws_connect(
        LISTEN + "&interim_results=true&vad_events=true&utterance_end_ms=300", headers=KEY
    ) as ws:
        for at in range(0, clip.size, 800):
            await ws.send_bytes(clip[at : at + 800].tobytes())
            await asyncio.sleep(0.003)
        await ws.send_json({"type": "CloseStream"})
        messages = [json.loads(message.data) async for message in ws]
    kinds = [message["type"] for message in messages]
    assert kinds[0] == "SpeechStarted"
    assert kinds[-2:] == ["UtteranceEnd", "Metadata"]
    *interims, final = (message for message in messages if message["type"] == "Results")
    assert all(HOURS.startswith(text_of(interim)) for interim in interims)
    assert interims
    assert (text_of(final), final["is_final"], final["speech_final"]) == (HOURS, True, True)
    words = final["channel"]["alternatives"][0]["words"]
    assert [word["punctuated_word"] for word in words] == HOURS.split()
    assert 0.25 <= words[0]["start"] < words[-1]["end"] <= clip.size / 16_000 - 0.7


def text_of(result: dict[str, Any]) -> str:
    return str(result["channel"]["alternatives"][0]["transcript"])


async def test_a_pause_within_a_sentence_does_not_end_it(http: aiohttp.ClientSession) -> None:
    first, second = "Do you have room for a large party", "on the last Sunday of May?"
    await http.post("/phrases", json={"phrases": [{"text": f"{first}, {second}"}]})
    async with http.ws_connect(LISTEN, headers=KEY) as ws:
        await ws.send_bytes(spoken(f"{first}, {second}").tobytes())
        assert [text_of(r) for r in await rest(ws)] == [f"{first}, {second}"]


async def test_finalize_answers_at_once(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(LISTEN + "&endpointing=5000", headers=KEY) as ws:
        await ws.send_bytes(spoken(HOURS, pause=0.02).tobytes())
        await ws.send_json({"type": "KeepAlive"})
        await ws.send_json({"type": "Finalize"})
        answer = await ws.receive_json(timeout=10)
        assert (text_of(answer), answer["from_finalize"]) == (HOURS, True)


async def test_the_log_times_what_was_heard(http: aiohttp.ClientSession, address: str) -> None:
    await hear(plugin(http, address), spoken(HOURS), turns=1)
    log = (await (await http.get("/deepgram/control/log")).json())["log"]
    assert log[0]["query"]["model"] == "nova-3"
    [utterance] = [each for each in log if each["event"] == "utterance"]
    assert utterance["text"] == HOURS
    assert 0 <= utterance["final_sent_at"] - utterance["audio_end_at"] < 2


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Token wrong-key"}, {"Authorization": "x"}]
)
async def test_a_wrong_key_is_refused(http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(LISTEN, headers=headers)
    assert refused.value.status == 401
    answer = await http.get(LISTEN, headers=headers)
    assert (await answer.json())["err_code"] == "INVALID_AUTH"


async def test_the_plugin_is_told_of_a_wrong_key(http: aiohttp.ClientSession, address: str) -> None:
    with pytest.raises(APIStatusError) as refused:
        await hear(plugin(http, address, api_key="wrong-key"), spoken(HOURS), turns=1)
    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    "query",
    ["encoding=linear16", "encoding=flac&sample_rate=16000", "encoding=linear16&sample_rate=x"]
    + [f"encoding=linear16&sample_rate=16000&{more}" for more in ("endpointing=-1", "channels=0")],
)
async def test_a_malformed_query_is_a_400(http: aiohttp.ClientSession, query: str) -> None:
    answer = await http.get(f"/deepgram/v1/listen?{query}", headers=KEY)
    assert answer.status == 400
    assert (await answer.json())["err_code"] == "Bad Request"


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"type": "Nonsense"}', "null"])
async def test_a_malformed_message_closes_the_socket(
    http: aiohttp.ClientSession, text: str
) -> None:
    async with http.ws_connect(LISTEN, headers=KEY) as ws:
        await ws.send_str(text)
        await ws.receive(timeout=10)
        assert ws.close_code == 1008


async def test_odd_pieces_of_audio_are_put_together(http: aiohttp.ClientSession) -> None:
    raw = spoken(HOURS).tobytes()
    async with http.ws_connect(LISTEN, headers=KEY) as ws:
        for at in range(0, len(raw), 1601):
            await ws.send_bytes(raw[at : at + 1601])
        assert [text_of(r) for r in await rest(ws)] == [HOURS]


async def test_a_recording_is_transcribed_and_garbage_refused(
    http: aiohttp.ClientSession, address: str
) -> None:
    heard = await plugin(http, address).recognize(frames(spoken(HOURS, DOG)), conn_options=ONCE)
    assert heard.alternatives[0].text == f"{HOURS} {DOG}"
    answer = await http.post("/deepgram/v1/listen", headers=KEY, data=b"not audio")
    assert answer.status == 400
    assert (await answer.json())["err_code"] == "Bad Request"
