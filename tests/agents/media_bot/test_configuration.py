"""The settings of Media Bot's document: what each of them does."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.groq_client import groq_client
from agents.media_bot.server import make_server
from agents.media_bot.settings import MediaBotSettings
from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.recognisers import Recognisers
from agents.media_bot.transcription.sessions import SessionFailed
from agents.vendors import HearingVendors
from tests.agents.media_bot.listening import STEP, piece

NEEDED = {
    "LIVEKIT_URL": "ws://127.0.0.1:9",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "secret",
    "INTERNAL_API_URL": "http://127.0.0.1:9",
    "COMPASS_URL": "http://127.0.0.1:9",
    "TEMPORAL_ADDRESS": "127.0.0.1:9",
    "PAYLOAD_KEYS": "dev:" + "A" * 43 + "=",
    "DEEPGRAM_API_KEY": "of deepgram",
    "GROQ_API_KEY": "of groq",
    "ELEVENLABS_API_KEY": "of elevenlabs",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    # The names that the plugins look for by themselves lead nowhere.
    for name in ("ELEVEN_API_KEY", "STT_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_documents_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = MediaBotSettings()
    assert (settings.stt_provider, settings.log_level) == ("groq", "INFO")
    server = make_server(settings)
    assert (server._num_idle_processes, server._load_threshold) == (2, 0.75)
    assert (server._max_retry, server._prometheus_port) == (16, None)


def test_what_is_set_reaches_the_agent_server(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MEDIA_BOT_NUM_IDLE_PROCESSES", "5")
    environment.setenv("MEDIA_BOT_LOAD_THRESHOLD", "inf")
    environment.setenv("MEDIA_BOT_MAX_RETRY", "3")
    environment.setenv("MEDIA_BOT_PROMETHEUS_PORT", "9464")
    server = make_server(MediaBotSettings())
    assert (server._num_idle_processes, server._load_threshold) == (5, math.inf)
    assert (server._max_retry, server._prometheus_port) == (3, 9464)


class Vendors:
    """Takes connections of all three, refuses them, and remembers who asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], dict[str, str]]] = []
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._refuse)
        self.server = TestServer(app)

    async def _refuse(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else {}
        told = dict(request.query) | {k: v for k, v in form.items() if isinstance(v, str)}
        self.asked.append((told, dict(request.headers)))
        return web.Response(status=401)


@pytest.fixture
async def vendors(environment: pytest.MonkeyPatch) -> AsyncIterator[Vendors]:
    vendors = Vendors()
    await vendors.server.start_server()
    url = str(vendors.server.make_url("/"))
    environment.setenv("DEEPGRAM_BASE_URL", f"{url}v1/listen")
    environment.setenv("ELEVENLABS_BASE_URL", f"{url}v1")
    environment.setenv("GROQ_BASE_URL", f"{url}openai/v1")
    yield vendors
    await vendors.server.close()


async def refused(provider: Provider, language: str) -> SessionFailed:
    settings = MediaBotSettings()
    async with (
        aiohttp.ClientSession() as http,
        groq_client(settings.groq_api_key, settings.groq_base_url) as groq,
    ):
        recognisers = Recognisers(HearingVendors(settings, http, lambda: groq))
        session: Any = recognisers.open(provider, language)
        if provider is Provider.GROQ:
            # A voice detector is before it; what it would ask is asked without one.
            session._clip = [piece(0, loud=True).frame]
            with pytest.raises(SessionFailed) as failed:
                await session._ask(session._clip * int(1 / STEP))
        else:
            with pytest.raises(SessionFailed) as failed:
                async for _ in session.sentences():
                    pass
        await session.aclose()
        recognisers.aclose()
    return failed.value


@pytest.mark.parametrize(
    ("provider", "language", "told", "header"),
    [
        (
            Provider.DEEPGRAM,
            "en-GB",
            {"model": "nova-3", "language": "en-GB", "endpointing": "300"},
            ("Authorization", "Token of deepgram"),
        ),
        (
            Provider.ELEVENLABS,
            "ar-SA",
            {"model_id": "scribe_v2_realtime", "language_code": "ar", "commit_strategy": "vad"},
            ("xi-api-key", "of elevenlabs"),
        ),
        (
            Provider.GROQ,
            "de-DE",
            {"model": "whisper-large-v3-turbo", "language": "de"},
            ("Authorization", "Bearer of groq"),
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Provider) else None,
)
async def test_each_provider_is_asked_with_its_key_model_and_language(
    vendors: Vendors,
    provider: Provider,
    language: str,
    told: dict[str, str],
    header: tuple[str, str],
) -> None:
    failed = await refused(provider, language)
    assert (str(failed), failed.retryable) == ("it answered with status 401", False)
    [(query, headers)] = vendors.asked
    assert told.items() <= query.items()
    name, value = header
    assert headers.get(name) == value
