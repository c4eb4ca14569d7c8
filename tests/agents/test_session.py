from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from livekit.plugins.openai.realtime import RealtimeModel

from agents.atlas.floor import Floor
from agents.atlas.realtime import RealtimeVoice
from agents.atlas.session import make_session, make_voice
from agents.atlas.settings import ProviderSettings
from agents.atlas.vendors import Vendors
from agents.groq_client import groq_client
from agents.vendors import UnknownProvider
from contract.assistants import Assistant, RealtimeOptions, RuntimeMode

NOWHERE = "http://127.0.0.1:9"
PIPELINE = Assistant(id="demo", name="Demo")
REALTIME = replace(PIPELINE, mode=RuntimeMode.REALTIME)


def settings(openai_api_key: str = "key") -> ProviderSettings:
    return ProviderSettings(
        livekit_url="ws://127.0.0.1:9",
        livekit_api_key="key",
        livekit_api_secret="secret",
        internal_api_url=NOWHERE,
        compass_url=NOWHERE,
        temporal_address="127.0.0.1:9",
        payload_keys="dev:" + "A" * 43 + "=",
        deepgram_api_key="key",
        groq_api_key="key",
        eleven_api_key="key",
        openai_api_key=openai_api_key,
        openai_base_url="http://127.0.0.1:9/openai/v1",
    )


@pytest.fixture
async def vendors() -> AsyncIterator[Vendors]:
    async with aiohttp.ClientSession() as http, groq_client("key", NOWHERE) as groq:
        yield Vendors(settings(), http, lambda: groq)


async def test_the_assistants_mode_decides(vendors: Vendors) -> None:
    assert make_session(PIPELINE, "en-US", vendors).tts is not None
    session = make_session(REALTIME, "en-US", vendors)
    assert isinstance(session.llm, RealtimeModel)
    assert session.tts is session.stt is session.vad is None
    assert isinstance(make_voice(REALTIME, session, Floor()), RealtimeVoice)
    assert not isinstance(make_voice(PIPELINE, session, Floor()), RealtimeVoice)


@pytest.mark.parametrize(
    ("language", "told"), [("hi-IN", "hi"), ("en", "en"), ("multi", None), ("", None)]
)
async def test_the_realtime_models_ears_are_told_a_language_that_they_know(
    vendors: Vendors, language: str, told: str | None
) -> None:
    model = make_session(REALTIME, language, vendors).llm
    assert isinstance(model, RealtimeModel)
    transcription = model._opts.input_audio_transcription
    assert transcription is not None
    assert transcription.language == told


async def test_a_realtime_assistant_without_a_key_is_refused_by_name(vendors: Vendors) -> None:
    without = replace(vendors, settings=settings(openai_api_key=""))
    with pytest.raises(UnknownProvider, match="OPENAI_API_KEY"):
        make_session(REALTIME, "en-US", without)
    assert make_session(PIPELINE, "en-US", without)


async def test_an_unknown_realtime_provider_is_refused_by_name(vendors: Vendors) -> None:
    strange = replace(REALTIME, realtime=RealtimeOptions(provider="nobody"))
    with pytest.raises(UnknownProvider, match="nobody"):
        make_session(strange, "en-US", vendors)


def test_operators_see_openai_only_where_there_is_a_key() -> None:
    assert settings().providers()["providers"]["openai"] == {
        "key_set": True,
        "host": "127.0.0.1:9",
    }
    assert "openai" not in settings(openai_api_key="").providers()["providers"]
