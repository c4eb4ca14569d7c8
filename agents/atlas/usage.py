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

from contract.assistants import Assistant
from contract.facts import UsageItem

_MILLISECOND = Decimal("0.001")


def usage_items(usage: Iterable[ModelUsage], assistant: Assistant) -> list[UsageItem]:
    """Providers are named as the assistant names them: plugins name themselves in many ways."""
    items: list[UsageItem] = []
    for used in usage:
        match used:
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


def _seconds(duration: float) -> str:
    # Through repr, the shortest text that means this float: no binary tail reaches the bill.
    return str(Decimal(repr(duration)).quantize(_MILLISECOND, rounding=ROUND_HALF_UP))
