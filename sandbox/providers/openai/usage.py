"""Tokens: how many there are in text and audio, and which of a prompt's were cached.

Audio is counted as OpenAI documents it: a token for 100 ms of the user, for 50 ms of the assistant
(https://developers.openai.com/api/docs/guides/realtime-costs). Four letters stand for a text token.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.providers.openai.conversation import Item

_LETTERS = 4
_USER_MS, ASSISTANT_MS = 100, 50
_CACHED_IN_STEPS_OF = 64


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a prompt. Equal blocks at a prompt's start come from the cache."""

    content: str
    text: int
    audio: int


def text_tokens(text: str) -> int:
    return math.ceil(len(text) / _LETTERS)


def audio_tokens(milliseconds: int, *, of_assistant: bool) -> int:
    return math.ceil(milliseconds / (ASSISTANT_MS if of_assistant else _USER_MS))


def prompt(instructions: str, tools: Sequence[Any], items: Sequence[Item]) -> list[Block]:
    told = f"{instructions} {json.dumps(list(tools)) if tools else ''}".strip()
    return [Block(told, text_tokens(told), 0), *(_block(item) for item in items)]


def _block(item: Item) -> Block:
    # The user's transcript is of another model: the realtime model is billed for the audio alone.
    text = "" if item.heard is not None else item.text
    audio = audio_tokens(item.audio_ms, of_assistant=item.heard is None)
    return Block(f"{item.id} {text}", text_tokens(text), audio)


def usage(
    blocks: Sequence[Block], previous: Sequence[Block], output_text: int, output_audio: int
) -> dict[str, Any]:
    """`usage` of a response. `previous`: the prompt of the response before it."""
    text, audio = sum(b.text for b in blocks), sum(b.audio for b in blocks)
    cached_text, cached_audio = _cached(blocks, previous)
    output = output_text + output_audio
    return {
        "total_tokens": text + audio + output,
        "input_tokens": text + audio,
        "output_tokens": output,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": 0,
            "cached_tokens": cached_text + cached_audio,
            "cached_tokens_details": {
                "text_tokens": cached_text,
                "audio_tokens": cached_audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": output_text, "audio_tokens": output_audio},
    }


def _cached(blocks: Sequence[Block], previous: Sequence[Block]) -> tuple[int, int]:
    """(text, audio) tokens of the common beginning, in whole steps."""
    text = audio = 0
    for block, before in zip(blocks, previous, strict=False):
        if block != before:
            break
        text, audio = text + block.text, audio + block.audio
    left = (text + audio) // _CACHED_IN_STEPS_OF * _CACHED_IN_STEPS_OF
    cached_text = min(text, left)
    return cached_text, left - cached_text


def transcription_usage(model: str, audio_ms: int, text: str) -> dict[str, Any]:
    """Whisper is billed by the second, the others by the token."""
    if model.startswith("whisper"):
        return {"type": "duration", "seconds": round(audio_ms / 1000, 3)}
    heard, written = audio_tokens(audio_ms, of_assistant=False), text_tokens(text)
    return {
        "type": "tokens",
        "total_tokens": heard + written,
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
    }
