"""How a session begins and how it ends: keys, limits, its time."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.sandbox.providers.openai.wire import KEY, PATH, connected


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token k"}, {"xi-api-key": "k"}])
async def test_without_a_key(http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(PATH, headers=headers)
    assert refused.value.status == 401
    answer = await http.get(PATH, headers=headers)
    assert (await answer.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "key", "code", "closed"),
    [
        (PATH, "wrong-key", "invalid_api_key", 3000),
        (PATH.partition("?")[0], "any-key", "missing_model", 4000),
    ],
)
async def test_refusals_within_the_session(
    http: aiohttp.ClientSession, path: str, key: str, code: str, closed: int
) -> None:
    async with http.ws_connect(path, headers={"Authorization": f"Bearer {key}"}) as ws:
        assert json.loads((await ws.receive(timeout=10)).data)["error"]["code"] == code
        message = await ws.receive(timeout=10)
        assert (ws.close_code, message.extra) == (closed, f"invalid_request_error.{code}")


async def test_the_beta_header_is_tolerated(http: aiohttp.ClientSession) -> None:
    headers = KEY | {"OpenAI-Beta": "realtime=v1"}
    async with http.ws_connect(PATH, headers=headers) as ws:
        assert (await ws.receive_json(timeout=10))["type"] == "session.created"


async def test_what_is_not_there(http: aiohttp.ClientSession) -> None:
    for path, status in ((PATH, 426), ("/openai/v1/models", 404)):
        answer = await http.get(path, headers=KEY)
        assert answer.status == status
        assert (await answer.json())["error"]["message"]


async def test_only_so_many_sessions(http: aiohttp.ClientSession) -> None:
    limits = "/openai/control/limits"
    await http.post(limits, json={"max_sessions": 1})
    async with connected(http):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(PATH, headers=KEY)
        assert refused.value.status == 429
        assert (await (await http.get(limits)).json())["open_sessions"] == 1
    assert (await http.post(limits, json={"max_seconds": 0})).status == 422
    assert (await http.post(limits, json={"max_calls": 1})).status == 422


async def test_a_session_ends_after_its_time(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        await http.post("/openai/control/limits", json={"max_seconds": 0.1})
        assert (await wire.refused())["code"] == "session_expired"
        closed = await wire.ws.receive(timeout=10)
        assert wire.ws.close_code == 1001
        assert closed.extra.startswith("Your session hit the maximum duration of")


async def test_what_was_set_is_shown(http: aiohttp.ClientSession) -> None:
    async with connected(http) as wire:
        transcription = {"model": "gpt-4o-transcribe", "language": "zh"}
        session = await wire.configure(
            instructions="Be brief.",
            audio={
                "input": {"transcription": transcription, "format": {"type": "audio/pcmu"}},
                "output": {"voice": "cedar", "format": {"type": "audio/pcm"}},
            },
        )
        heard, spoken = session["audio"]["input"], session["audio"]["output"]
        assert transcription.items() <= heard["transcription"].items()
        assert heard["format"] == {"type": "audio/pcmu"}
        assert heard["turn_detection"]["silence_duration_ms"] == 500  # as it was
        assert spoken["format"] == {"type": "audio/pcm", "rate": 24000}
        session = await wire.configure(
            instructions="", audio={"input": {"transcription": None, "turn_detection": None}}
        )
        assert session["instructions"] == ""
        assert session["audio"]["input"]["transcription"] is None
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["output"] == spoken
