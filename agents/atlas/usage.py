"""What the providers did for one call, for its bill."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from livekit.agents.metrics import (
    LLMModelUsage,
    ModelUsage,
    STTModelUsage,
    TTSModelUsage,
)

from contract.assistants import Assistant, RuntimeMode
from contract.facts import UsageItem

_MILLISECOND = Decimal("0.001")


def usage_items(usage: Iterable[ModelUsage], assistant: Assistant) -> list[UsageItem]:
    """Providers are named as the assistant names them: plugins name themselves in many ways."""
    realtime = assistant.mode is RuntimeMode.REALTIME
    items: list[UsageItem] = []
    for used in usage:
        match used:
            case LLMModelUsage() if realtime:
                provider, fallback = assistant.realtime.provider, assistant.realtime.model
                quantities = _realtime(used)
            case STTModelUsage() if realtime:
                # The realtime provider's own transcription of what it heard.
                provider, fallback = assistant.realtime.provider, ""
                quantities = [
                    ("stt", _seconds(used.audio_duration), "audio_seconds"),
                    ("stt", str(used.input_tokens), "input_tokens"),
                    ("stt", str(used.output_tokens), "output_tokens"),
                ]
            case STTModelUsage():
                provider, fallback = assistant.stt.provider, assistant.stt.model
                quantities = [("stt", _seconds(used.audio_duration), "audio_seconds")]
            case LLMModelUsage():
                provider, fallback = assistant.llm.provider, assistant.llm.model
                quantities = [
                    ("llm", str(used.input_tokens), "input_tokens"),
                    ("llm", str(used.output_tokens), "output_tokens"),
                ]
            case TTSModelUsage():
                provider, fallback = assistant.tts.provider, assistant.tts.model
                quantities = [("tts", str(used.characters_count), "characters")]
            case _:
                continue  # local models cost nothing
        items += [
            UsageItem(
                what=what,
                provider=provider,
                model=used.model or fallback,
                quantity=quantity,
                unit=unit,
            )
            for what, quantity, unit in quantities
            if Decimal(quantity) > 0
        ]
    return items


def _realtime(used: LLMModelUsage) -> list[tuple[str, str, str]]:
    """Cached tokens have a price of their own, so they are counted apart from the others."""
    cached_audio, cached_text = used.input_cached_audio_tokens, used.input_cached_text_tokens
    counts = {
        "input_audio_tokens": used.input_audio_tokens - cached_audio,
        "input_text_tokens": used.input_text_tokens - cached_text,
        "cached_input_audio_tokens": cached_audio,
        "cached_input_text_tokens": cached_text,
        "output_audio_tokens": used.output_audio_tokens,
        "output_text_tokens": used.output_text_tokens,
    }
    return [("realtime", str(count), unit) for unit, count in counts.items()]


def _seconds(duration: float) -> str:
    # Through repr, the shortest text that means this float: no binary tail reaches the bill.
    return str(Decimal(repr(duration)).quantize(_MILLISECOND, rounding=ROUND_HALF_UP))
