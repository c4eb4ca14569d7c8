"""What a response consists of: speech with its transcript, text, or a function call, in deltas."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

from sandbox.providers.mind import Calls
from sandbox.providers.mouth import render
from sandbox.providers.openai import usage
from sandbox.providers.openai.conversation import begun_call, begun_message, canonical
from sandbox.providers.openai.errors import new_id
from sandbox.providers.openai.response import Response
from sandbox.providers.openai.session import VOICES
from sandbox.providers.openai.turns import RATES
from sandbox.providers.pcm import Encoder, Format
from sandbox.providers.word_times import spread

_PACE = 4.0  # times real time
_FIRST_CHUNK_SECONDS, _CHUNK_SECONDS = 0.1, 0.2
_WORDS_AHEAD_SECONDS = 0.4  # the transcript leaves before its audio
_CODECS = {"audio/pcm": "pcm", "audio/pcmu": "ulaw", "audio/pcma": "alaw"}


async def produce(response: Response) -> None:
    answer = response.order.answer
    await response.pause(response.order.first_token_seconds)
    if isinstance(answer, Calls):
        await _call(response, answer)
    elif response.order.modality == "audio":
        await _speak(response, answer.text)
    else:
        await _write(response, answer.text)


async def _speak(response: Response, text: str) -> None:
    item = begun_message(new_id("item"))
    await response.open(item)
    part: dict[str, Any] = {"type": "output_audio", "transcript": ""}
    item.wire["content"].append(part)
    added = {"type": "audio", "transcript": ""}
    await response.tell_part("response.content_part.added", part=added)
    audio, form = response.order.audio, response.order.audio["format"]["type"]
    rate = RATES[form]
    encoder = Encoder(Format(_CODECS[form], rate))
    samples = await asyncio.to_thread(render, text, VOICES[audio["voice"]], rate)
    words = spread(text, 0.0, samples.size / rate)
    at, size = 0, int(_FIRST_CHUNK_SECONDS * rate)
    while at < samples.size:
        due = (at + size) / rate + _WORDS_AHEAD_SECONDS
        while words and words[0][1] < due:
            await _next_word(response, part, words.pop(0)[0])
        piece = samples[at : at + size]
        at += piece.size
        item.audio_ms = response.audio_ms = at * 1000 // rate
        delta = base64.b64encode(encoder.encode(piece)).decode()
        await response.tell_part("response.output_audio.delta", delta=delta)
        response.log.setdefault("first_audio_at", time.time())
        response.mind_the_limit()
        await response.pause(piece.size / rate / _PACE)
        size = int(_CHUNK_SECONDS * rate)
    for word in words:  # of a text without a sound, such as "..."
        await _next_word(response, part, word[0])


async def _next_word(response: Response, part: dict[str, Any], word: str) -> None:
    said = part.get("transcript", "")
    delta = f" {word}" if said else word
    part["transcript"] = said + delta
    response.text_tokens = usage.text_tokens(part["transcript"])
    await response.tell_part("response.output_audio_transcript.delta", delta=delta)


async def _write(response: Response, text: str) -> None:
    item = begun_message(new_id("item"))
    await response.open(item)
    part = {"type": "output_text", "text": ""}
    item.wire["content"].append(part)
    await response.tell_part("response.content_part.added", part={"type": "text", "text": ""})
    for word in text.split():
        delta = f" {word}" if part["text"] else word
        part["text"] += delta
        response.text_tokens = usage.text_tokens(part["text"])
        await response.tell_part("response.output_text.delta", delta=delta)
        response.log.setdefault("first_text_at", time.time())
        response.mind_the_limit()
        await response.pause(response.order.token_seconds)


async def _call(response: Response, answer: Calls) -> None:
    item = begun_call(new_id("item"), answer.name)
    await response.open(item)
    arguments = canonical(answer.arguments)
    middle = len(arguments) // 2
    response.text_tokens = usage.text_tokens(f"{answer.name} {arguments}")
    fields = {"item_id": item.id, "call_id": item.wire["call_id"]}
    for delta in (arguments[:middle], arguments[middle:]):
        await response.tell("response.function_call_arguments.delta", delta=delta, **fields)
        await response.pause(response.order.token_seconds)
    item.wire["arguments"] = arguments
    await response.tell(
        "response.function_call_arguments.done", name=answer.name, arguments=arguments, **fields
    )
