"""What the providers did for one call, for its bill."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

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
    count = _of_realtime if assistant.mode is RuntimeMode.REALTIME else _of_pipeline
    return [
        UsageItem(
            what=what,
            provider=counted.provider,
            model=used.model or counted.model,
            quantity=quantity,
            unit=unit,
        )
        for used in usage
        if (counted := count(used, assistant)) is not None
        for what, quantity, unit in counted.quantities
        if Decimal(quantity) > 0
    ]


class _Counted(NamedTuple):
    provider: str
    model: str
    """Where the plugin names none."""
    quantities: list[tuple[str, str, str]]
    """What, how many, of which unit."""


def _of_pipeline(used: ModelUsage, assistant: Assistant) -> _Counted | None:
    match used:
        case STTModelUsage():
            stt = assistant.stt
            seconds = ("stt", _seconds(used.audio_duration), "audio_seconds")
            return _Counted(stt.provider, stt.model, [seconds])
        case LLMModelUsage():
            tokens = [
                ("llm", str(used.input_tokens), "input_tokens"),
                ("llm", str(used.output_tokens), "output_tokens"),
            ]
            return _Counted(assistant.llm.provider, assistant.llm.model, tokens)
        case TTSModelUsage():
            tts = assistant.tts
            characters = ("tts", str(used.characters_count), "characters")
            return _Counted(tts.provider, tts.model, [characters])
    return None  # local models cost nothing


def _of_realtime(used: ModelUsage, assistant: Assistant) -> _Counted | None:
    options = assistant.realtime
    match used:
        case LLMModelUsage():
            return _Counted(options.provider, options.model, _tokens(used))
        case STTModelUsage():
            # The provider's own transcription of what its model heard.
            heard = [
                ("stt", _seconds(used.audio_duration), "audio_seconds"),
                ("stt", str(used.input_tokens), "input_tokens"),
                ("stt", str(used.output_tokens), "output_tokens"),
            ]
            return _Counted(options.provider, "", heard)
    return None


def _tokens(used: LLMModelUsage) -> list[tuple[str, str, str]]:
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
