"""Transcription of the user's speech, which runs beside the response."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from sandbox.providers.openai.conversation import Item
from sandbox.providers.openai.response import Send
from sandbox.providers.openai.usage import transcription_usage

_SECONDS = 0.05  # long enough that the response is created before: clients must not rely on either
_EVENT = "conversation.item.input_audio_transcription"


async def transcribe(item: Item, options: dict[str, Any], send: Send) -> None:
    """Tell what the ears understood: "" when that is nothing."""
    text, model = item.heard or "", options.get("model") or "gpt-4o-mini-transcribe"
    place = {"item_id": item.id, "content_index": 0}
    with suppress(ConnectionError):
        await asyncio.sleep(_SECONDS)
        if not model.startswith("whisper"):  # whisper-1 gives the text in one piece
            for number, word in enumerate(text.split()):
                await send(f"{_EVENT}.delta", **place, delta=f" {word}" if number else word)
        item.wire["content"][0]["transcript"] = text
        usage = transcription_usage(model, item.audio_ms, text)
        await send(f"{_EVENT}.completed", **place, transcript=text, usage=usage)
