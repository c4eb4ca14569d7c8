from __future__ import annotations

from livekit.agents.metrics import LLMModelUsage, STTModelUsage, TTSModelUsage

from agents.atlas.usage import usage_items
from contract.assistants import Assistant
from contract.facts import UsageItem


def test_quantities_are_exact_text_under_the_assistants_names() -> None:
    items = usage_items(
        [
            STTModelUsage(provider="Deepgram", model="nova-3", audio_duration=0.1 + 0.2),
            LLMModelUsage(provider="api.groq.com", model="llama", input_tokens=74),
            TTSModelUsage(provider="ElevenLabs", model="", characters_count=121),
        ],
        Assistant(id="demo", name="Demo"),
    )
    assert items == [
        UsageItem(
            what="stt",
            provider="deepgram",
            model="nova-3",
            quantity="0.300",
            unit="audio_seconds",
        ),
        UsageItem(what="llm", provider="groq", model="llama", quantity="74", unit="input_tokens"),
        UsageItem(
            what="tts",
            provider="elevenlabs",
            model="eleven_turbo_v2_5",
            quantity="121",
            unit="characters",
        ),
    ]
