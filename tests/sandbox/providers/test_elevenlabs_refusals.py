"""What the stand-in for ElevenLabs refuses, and that it does so in the vendor's own words."""

from __future__ import annotations

import json

import aiohttp
import pytest
from livekit.agents import APIError, APIStatusError

from tests.sandbox.providers.conversations import HOURS, ONCE, frames, hear, spoken
from tests.sandbox.providers.test_elevenlabs import (
    BATCH,
    FIRST,
    KEY,
    MULTI,
    SCRIBE,
    SPEECH,
    ear,
    mouth,
    say,
)

pytestmark = pytest.mark.slow  # waits for refusals of the vendor's plugin


async def test_a_wrong_key_is_refused(http: aiohttp.ClientSession, address: str) -> None:
    for headers, status in (
        ({}, "needs_authorization"),
        ({"xi-api-key": "wrong-key"}, "invalid_api_key"),
    ):
        for path in (SPEECH, f"{SPEECH}/stream", BATCH):
            answer = await http.post(path, headers=headers, json={"text": "x"})
            assert answer.status == 401
            assert (await answer.json())["detail"]["status"] == status
        async with http.ws_connect(MULTI, headers=headers) as ws:
            assert (await ws.receive_json(timeout=10))["code"] == 1008
        async with http.ws_connect(SCRIBE, headers=headers) as ws:
            assert (await ws.receive_json(timeout=10))["message_type"] == "auth_error"


async def test_the_plugins_are_told_of_a_wrong_key(
    http: aiohttp.ClientSession, address: str
) -> None:
    with pytest.raises(APIError):
        await say(mouth(http, address, api_key="wrong-key"), FIRST)
    with pytest.raises(APIError):
        await hear(ear(http, address, api_key="wrong-key"), spoken(HOURS), turns=1)
    batch = ear(http, address, api_key="wrong-key", model="scribe_v1")
    with pytest.raises(APIStatusError) as refused:
        await batch.recognize(frames(spoken(HOURS)), conn_options=ONCE)
    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    "voice", ["nobody", "espeak:", "espeak:xx", "espeak:en+zz", "espeak:..%2Fx"]
)
async def test_an_unknown_voice_is_not_found(http: aiohttp.ClientSession, voice: str) -> None:
    answer = await http.post(
        f"/elevenlabs/v1/text-to-speech/{voice}", headers=KEY, json={"text": "Hello."}
    )
    assert answer.status == 404
    assert (await answer.json())["detail"]["status"] in ("voice_not_found", "not_found")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"text": 5}', b'{"text": ""}'])
async def test_a_malformed_speech_request_is_a_422(
    http: aiohttp.ClientSession, body: bytes
) -> None:
    answer = await http.post(SPEECH, headers=KEY, data=body)
    assert answer.status == 422
    assert (await answer.json())["detail"][0]["loc"]


@pytest.mark.parametrize("form", ["pcm_1", "mp3_44100", "wav", "pcm_16000_64", "opus_48000_32"])
async def test_an_unknown_format_is_refused(http: aiohttp.ClientSession, form: str) -> None:
    answer = await http.post(f"{SPEECH}?output_format={form}", headers=KEY, json={"text": "Hello."})
    assert answer.status == 400
    async with http.ws_connect(MULTI.replace("pcm_16000", form), headers=KEY) as ws:
        assert (await ws.receive_json(timeout=10))["error"] == "output_format_not_allowed"


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"text": 5}', '{"text": "a", "context_id": {}}'])
async def test_a_malformed_speech_message_closes_the_socket(
    http: aiohttp.ClientSession, text: str
) -> None:
    async with http.ws_connect(MULTI, headers=KEY) as ws:
        await ws.send_str(text)
        assert (await ws.receive_json(timeout=10))["error"] == "invalid_message"
        await ws.receive(timeout=10)
        assert ws.close_code == 1008


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"message_type": "input_audio_chunk", "audio_base_64": "%%%"}']
    + [
        json.dumps({"message_type": "input_audio_chunk", "audio_base_64": wrong})
        for wrong in (5, [1])
    ],
)
async def test_a_malformed_scribe_message_is_an_input_error(
    http: aiohttp.ClientSession, text: str
) -> None:
    async with http.ws_connect(SCRIBE, headers=KEY) as ws:
        assert (await ws.receive_json(timeout=10))["message_type"] == "session_started"
        await ws.send_str(text)
        assert (await ws.receive_json(timeout=10))["message_type"] == "input_error"


@pytest.mark.parametrize(
    "query", ["commit_strategy=x", "audio_format=wav", "vad_silence_threshold_secs=x"]
)
async def test_a_malformed_scribe_query_is_an_input_error(
    http: aiohttp.ClientSession, query: str
) -> None:
    url = f"/elevenlabs/v1/speech-to-text/realtime?model_id=m&{query}"
    async with http.ws_connect(url, headers=KEY) as ws:
        assert (await ws.receive_json(timeout=10))["message_type"] == "input_error"


async def test_malformed_recordings_are_refused(http: aiohttp.ClientSession) -> None:
    missing = await http.post(BATCH, headers=KEY, data=aiohttp.FormData({"model_id": "scribe_v1"}))
    assert missing.status == 422
    not_audio = aiohttp.FormData({"model_id": "scribe_v1"})
    not_audio.add_field("file", b"RIFF nonsense", filename="a.wav")
    answer = await http.post(BATCH, headers=KEY, data=not_audio)
    assert answer.status == 400
    assert (await answer.json())["detail"]["status"] == "invalid_audio"
