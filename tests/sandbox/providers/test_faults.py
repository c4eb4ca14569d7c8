"""Each kind of fault does what it says, on HTTP and on websockets, and ends when it should."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectionError, APIError, APIStatusError
from livekit.plugins import deepgram, elevenlabs

from tests.sandbox.providers.conversations import DOG, HOURS, ONCE, finals, hear, spoken
from tests.sandbox.providers.test_groq import CHAT, KEY, ask, conversation, mind

pytestmark = pytest.mark.slow  # waits for slow and silent answers

LISTEN = "/deepgram/v1/listen?encoding=linear16&sample_rate=16000"
TOKEN = {"Authorization": "Token any-key"}
MULTI = "/elevenlabs/v1/text-to-speech/default/multi-stream-input?output_format=pcm_16000"
ELEVEN = {"xi-api-key": "any-key"}


async def misbehave(http: aiohttp.ClientSession, vendor: str, **fault: Any) -> None:
    answer = await http.post(f"/{vendor}/control/fault", json=fault)
    assert answer.status == 201, await answer.text()


def body(*, stream: bool) -> dict[str, Any]:
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": HOURS}]}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_status_over_http(http: aiohttp.ClientSession, address: str, status: int) -> None:
    await misbehave(http, "groq", kind="status", value=status, operation="chat", count=1)
    with pytest.raises(APIStatusError) as refused:
        await ask(mind(address), conversation(HOURS))
    assert refused.value.status_code == status
    assert (await ask(mind(address), conversation(HOURS)))[0]  # once only


async def test_slow_over_http(http: aiohttp.ClientSession) -> None:
    await misbehave(http, "groq", kind="slow", value=0.4, count=1)
    started = time.monotonic()
    assert (await http.post(CHAT, headers=KEY, json=body(stream=False))).status == 200
    assert 0.4 <= time.monotonic() - started < 10
    armed = await (await http.get("/groq/control/fault")).json()
    assert armed["faults"] == []  # the next one is as quick as ever


async def test_hang_over_http_lasts_until_it_is_cleared(http: aiohttp.ClientSession) -> None:
    await misbehave(http, "groq", kind="hang")
    asked = asyncio.create_task(http.post(CHAT, headers=KEY, json=body(stream=False)))
    done, _pending = await asyncio.wait({asked}, timeout=0.3)
    assert not done
    await http.delete("/groq/control/fault")
    assert (await asked).status == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_cut_over_http_breaks_off_in_the_middle(
    http: aiohttp.ClientSession, stream: bool
) -> None:
    await misbehave(http, "groq", kind="cut", count=1)
    answer = await http.post(CHAT, headers=KEY, json=body(stream=stream))
    assert answer.status == 200
    assert await answer.content.readany()
    with pytest.raises(aiohttp.ClientError):
        await answer.read()


async def test_the_plugin_notices_a_cut(http: aiohttp.ClientSession, address: str) -> None:
    await misbehave(http, "groq", kind="cut")
    with pytest.raises(APIError):
        await ask(mind(address), conversation(HOURS))


async def test_garbage_over_http_is_no_json(http: aiohttp.ClientSession) -> None:
    await misbehave(http, "groq", kind="garbage", count=1)
    answer = await http.post(CHAT, headers=KEY, json=body(stream=False))
    assert answer.status == 200
    with pytest.raises(ValueError, match=r"."):
        await answer.json(content_type=None)


async def test_an_operation_is_hit_and_the_others_are_not(http: aiohttp.ClientSession) -> None:
    await misbehave(http, "groq", kind="status", operation="transcriptions")
    assert (await http.post(CHAT, headers=KEY, json=body(stream=False))).status == 200


def ear(http: aiohttp.ClientSession, address: str) -> deepgram.STT:
    base_url = f"{address}/deepgram/v1/listen"
    return deepgram.STT(base_url=base_url, api_key="any-key", http_session=http)


async def test_status_at_a_handshake(http: aiohttp.ClientSession, address: str) -> None:
    await misbehave(http, "deepgram", kind="status", value=502, count=1)
    with pytest.raises(APIStatusError) as refused:
        await hear(ear(http, address), spoken(HOURS), turns=1)
    assert refused.value.status_code == 502
    assert finals(await hear(ear(http, address), spoken(HOURS), turns=1)) == [HOURS]


async def test_cut_and_hang_at_a_handshake(http: aiohttp.ClientSession, address: str) -> None:
    await misbehave(http, "deepgram", kind="cut", count=2)  # aiohttp tries a GET again by itself
    with pytest.raises(APIConnectionError):
        await hear(ear(http, address), spoken(HOURS), turns=1)
    await http.delete("/deepgram/control/fault")
    await misbehave(http, "deepgram", kind="hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await http.ws_connect(LISTEN, headers=TOKEN)


async def say(ws: aiohttp.ClientWebSocketResponse, text: str) -> None:
    await ws.send_bytes(spoken(text).tobytes())


async def test_an_open_socket_is_cut_at_once(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await ws.send_json({"type": "KeepAlive"})
        await misbehave(http, "deepgram", kind="cut", count=1)
        message = await ws.receive(timeout=10)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert ws.close_code == 1006
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:  # counted
        await say(ws, DOG)
        assert (await ws.receive_json(timeout=10))["is_final"]


async def test_status_ends_an_open_socket(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await misbehave(http, "deepgram", kind="status", count=1)
        await say(ws, HOURS)
        await ws.receive(timeout=10)
        assert ws.close_code == 1011


async def test_garbage_in_place_of_one_answer(http: aiohttp.ClientSession, address: str) -> None:
    await misbehave(http, "deepgram", kind="garbage", count=1)
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await say(ws, HOURS)
        with pytest.raises(ValueError, match=r"."):
            await ws.receive_json(timeout=10)
        await say(ws, DOG)
        answer = await ws.receive_json(timeout=10)
        assert answer["channel"]["alternatives"][0]["transcript"] == DOG


async def test_slow_and_hanging_answers_on_an_open_socket(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(LISTEN, headers=TOKEN) as ws:
        await misbehave(http, "deepgram", kind="slow", value=0.4, count=1)
        started = time.monotonic()
        await say(ws, HOURS)
        await ws.receive_json(timeout=10)
        assert time.monotonic() - started >= 0.4
        await misbehave(http, "deepgram", kind="hang")
        await say(ws, DOG)
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.3)


@pytest.mark.parametrize("kind", ["status", "cut", "garbage"])
async def test_the_speech_plugin_fails_and_recovers(
    http: aiohttp.ClientSession, address: str, kind: str
) -> None:
    voice = elevenlabs.TTS(
        base_url=f"{address}/elevenlabs/v1",
        api_key="any-key",
        voice_id="default",
        encoding="pcm_16000",
        http_session=http,
    )
    await misbehave(http, "elevenlabs", kind=kind, operation="tts")
    with pytest.raises(APIError):
        await heard_seconds(voice)
    await http.delete("/elevenlabs/control/fault")
    assert await heard_seconds(voice) > 0.5
    await voice.aclose()


async def heard_seconds(voice: elevenlabs.TTS) -> float:
    async with voice.stream(conn_options=ONCE) as stream:
        stream.push_text("Dogs are welcome on the terrace.")
        stream.end_input()
        return sum([audio.frame.duration async for audio in stream])


async def test_a_hanging_mouth_says_nothing(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(MULTI, headers=ELEVEN) as ws:
        await misbehave(http, "elevenlabs", kind="hang", operation="tts")
        await ws.send_json({"text": "Hello. ", "flush": True})
        message = asyncio.create_task(ws.receive_json())
        done, _pending = await asyncio.wait({message}, timeout=0.3)
        assert not done
        await http.delete("/elevenlabs/control/fault")
        assert (await message)["audio"]


@pytest.mark.parametrize("kind", ["status", "garbage", "cut"])
async def test_scribe_fails_as_told(http: aiohttp.ClientSession, address: str, kind: str) -> None:
    scribe = elevenlabs.STT(
        base_url=f"{address}/elevenlabs/v1",
        api_key="any-key",
        model="scribe_v2_realtime",
        http_session=http,
    )
    await misbehave(http, "elevenlabs", kind=kind, operation="realtime")
    # Garbage is logged by the plugin, which goes on waiting: no text. A cut it does not wrap.
    with pytest.raises(TimeoutError if kind == "garbage" else (APIError, aiohttp.ClientError)):
        async with asyncio.timeout(0.6 if kind == "garbage" else 20):
            await hear(scribe, spoken(HOURS), flush=True, turns=1)


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "explode"},
        {"kind": "slow", "value": -1},
        {"kind": "slow", "count": 0},
        {"kind": "slow", "operation": "sing"},
        {"kind": "slow", "colour": "red"},
        [],
    ],
)
async def test_a_malformed_fault_is_a_422(http: aiohttp.ClientSession, fault: Any) -> None:
    answer = await http.post("/groq/control/fault", json=fault)
    assert answer.status == 422
    assert (await answer.json())["error"]
    assert (await (await http.get("/groq/control/fault")).json())["faults"] == []


async def test_the_log_can_be_emptied(http: aiohttp.ClientSession) -> None:
    await http.post(CHAT, headers=KEY, json=body(stream=False))
    assert len((await (await http.get("/groq/control/log")).json())["log"]) == 1
    await http.delete("/groq/control/log")
    assert (await (await http.get("/groq/control/log")).json())["log"] == []
