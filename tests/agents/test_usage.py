from __future__ import annotations

from livekit.agents.metrics import LLMModelUsage, STTModelUsage, TTSModelUsage

from agents.atlas.usage import usage_items
from contract.assistants import Assistant, RuntimeMode
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


def test_a_realtime_model_is_counted_by_kind_of_token_and_what_was_cached_apart() -> None:
    items = usage_items(
        [
            LLMModelUsage(
                provider="api.openai.com",
                model="gpt-realtime",
                input_tokens=170,
                input_cached_tokens=60,
                input_audio_tokens=100,
                input_cached_audio_tokens=40,
                input_text_tokens=70,
                input_cached_text_tokens=20,
                output_tokens=90,
                output_audio_tokens=80,
                output_text_tokens=10,
            ),
            STTModelUsage(
                provider="api.openai.com",
                model="gpt-4o-mini-transcribe",
                input_tokens=30,
                output_tokens=5,
            ),
        ],
        Assistant(id="demo", name="Demo", mode=RuntimeMode.REALTIME),
    )
    assert {item.provider for item in items} == {"openai"}
    assert [(item.what, item.model, item.unit, item.quantity) for item in items] == [
        ("realtime", "gpt-realtime", "input_audio_tokens", "60"),
        ("realtime", "gpt-realtime", "input_text_tokens", "50"),
        ("realtime", "gpt-realtime", "cached_input_audio_tokens", "40"),
        ("realtime", "gpt-realtime", "cached_input_text_tokens", "20"),
        ("realtime", "gpt-realtime", "output_audio_tokens", "80"),
        ("realtime", "gpt-realtime", "output_text_tokens", "10"),
        ("stt", "gpt-4o-mini-transcribe", "input_tokens", "30"),
        ("stt", "gpt-4o-mini-transcribe", "output_tokens", "5"),
    ]
