"""ElevenLabs' text to speech over a websocket with several contexts.

Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from sandbox.providers.eleven_voices import espeak_voice
from sandbox.providers.faults import Vendor
from sandbox.providers.misbehaviour import meet_answer
from sandbox.providers.mouth import Samples, render
from sandbox.providers.pcm import BadAudio, Encoder, Format

_CHUNK_SECONDS = 0.25
_FIRST_CHUNK_SECONDS = 0.06  # small, so that the first sound leaves early
_MOST_CONTEXTS = 5
_REFUSAL_SECONDS = 0.25
_SENTENCE = re.compile(r".*?[.!?…。？！]+(?=\s)", re.DOTALL)
_CHUNK_LETTERS = 120  # the vendor's first chunk_length_schedule


@dataclass
class _Context:
    id: str
    encoder: Encoder
    entry: dict[str, Any]
    text: str = ""  # received, not yet spoken


class SpeechSocket:
    """One open socket. Speech is made in order of arrival, one piece of text at a time."""

    def __init__(self, vendor: Vendor, request: web.Request) -> None:
        self._vendor, self._request = vendor, request
        self._ws = web.WebSocketResponse(max_msg_size=1 << 20)
        self._contexts: dict[str, _Context] = {}
        self._auto_mode = request.query.get("auto_mode") == "true"
        self._align = request.query.get("sync_alignment") == "true"
        inactivity = request.query.get("inactivity_timeout", "20")
        self._inactivity = min(int(inactivity), 180) if inactivity.isdigit() else 20

    async def run(self, *, refused: bool) -> web.StreamResponse:
        """Serve until one side closes. The vendor refuses keys and voices after the handshake."""
        await self._ws.prepare(self._request)
        self._vendor.opened(self._request, "tts")
        try:
            if await self._admitted(refused):
                while await self._receive():
                    pass
        except ConnectionError:
            pass  # the client went away while it was being answered
        finally:
            self._vendor.closed(self._request)
        return self._ws

    async def _admitted(self, refused: bool) -> bool:
        problem = self._problem(refused)
        if problem is None:
            return True
        # The vendor's refusal takes a moment too. Sent with the handshake it would reach the
        # LiveKit plugin before its first context, and that would wait for an answer for ever.
        with suppress(TimeoutError):
            await self._ws.receive(timeout=_REFUSAL_SECONDS)
        await self._fail(*problem)
        return False

    def _problem(self, refused: bool) -> tuple[str, str] | None:
        """(message, error) of what is wrong with key or query."""
        if refused:
            return "Invalid API key", "invalid_api_key"
        voice_id = self._request.match_info["voice"]
        voice = espeak_voice(voice_id)
        if voice is None:
            message = f"A voice with voice_id {voice_id} does not exist."
            return message, "voice_id_does_not_exist"
        try:
            self._format = Format.parse(self._request.query.get("output_format", "mp3_44100_128"))
        except BadAudio as error:
            return str(error), "output_format_not_allowed"
        self._voice = voice
        return None

    async def _receive(self) -> bool:
        try:
            message = await self._ws.receive(timeout=self._inactivity)
        except TimeoutError:
            await self._fail(
                "Have not received a new text input in time.", "input_timeout_exceeded"
            )
            return False
        if message.type is not WSMsgType.TEXT:
            if message.type is WSMsgType.BINARY:
                await self._fail("Only text messages are understood.", "invalid_message")
            return False
        try:
            return await self._obey(_Asked.parse(message.data))
        except ValueError as error:
            await self._fail(str(error), "invalid_message")
            return False

    async def _obey(self, asked: _Asked) -> bool:
        if asked.close_socket:
            for open_context in list(self._contexts.values()):
                await self._finish(open_context)
            await self._ws.close()
            return False
        known = self._contexts.get(asked.context_id)
        if known is None and asked.close_context:
            return True  # closing what is closed
        if known is None and len(self._contexts) >= _MOST_CONTEXTS:
            await self._fail("Too many contexts.", "max_active_conversations")
            return False
        context = known or self._open(asked.context_id)
        if asked.text.strip():
            context.entry.setdefault("first_text_at", time.time())
            context.text += asked.text
        await self._speak_ready(context, flush=asked.flush or asked.close_context)
        if asked.close_context:
            await self._finish(context)
        return not self._ws.closed

    def _open(self, context_id: str) -> _Context:
        entry = self._vendor.asked("tts", event="context", voice=self._voice, text="")
        context = _Context(context_id, Encoder(self._format), entry)
        self._contexts[context_id] = context
        return context

    async def _speak_ready(self, context: _Context, *, flush: bool) -> None:
        """Speak what is complete: everything on flush, else whole sentences."""
        while context.text.strip():
            sentence = _SENTENCE.match(context.text)
            if sentence and (flush or self._auto_mode or len(context.text) >= _CHUNK_LETTERS):
                piece, context.text = sentence[0], context.text[sentence.end() :]
            elif flush:
                piece, context.text = context.text, ""
            else:
                return
            if not await self._speak(context, piece):
                return

    async def _speak(self, context: _Context, text: str) -> bool:
        text = " ".join(text.split())
        context.entry["text"] = f"{context.entry['text']} {text}".strip()
        if not await meet_answer(self._vendor, "tts", self._request, self._ws, self._told_to_fail):
            return False
        samples = await asyncio.to_thread(render, text, self._voice, self._format.rate)
        at, size = 0, int(self._format.rate * _FIRST_CHUNK_SECONDS)
        letters = _aligned(text + " ", samples.size / self._format.rate)
        while at < samples.size:
            await self._send_audio(context, samples[at : at + size], letters if at == 0 else None)
            at, size = at + size, int(self._format.rate * _CHUNK_SECONDS)
        return True

    async def _send_audio(
        self, context: _Context, samples: Samples, letters: dict[str, Any] | None
    ) -> None:
        audio = context.encoder.encode(samples)
        align = letters if self._align else None
        if not audio and not align:
            return
        await self._ws.send_json(
            {
                "audio": base64.b64encode(audio).decode(),
                "isFinal": None,
                "alignment": align,
                "normalizedAlignment": align,
                "contextId": context.id,
            }
        )
        context.entry.setdefault("first_audio_at", time.time())

    async def _finish(self, context: _Context) -> None:
        del self._contexts[context.id]
        rest = context.encoder.finish()
        if rest:
            audio = base64.b64encode(rest).decode()
            await self._ws.send_json({"audio": audio, "contextId": context.id})
        context.entry["finished_at"] = time.time()
        await self._ws.send_json({"isFinal": True, "contextId": context.id})

    async def _told_to_fail(self, _status: int, message: str) -> None:
        await self._fail(message, "internal_server_error", 1011)

    async def _fail(self, message: str, error: str, code: int = 1008) -> None:
        await self._ws.send_json({"message": message, "error": error, "code": code})
        await self._ws.close(code=code, message=message.encode()[:120])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A client message. `parse` raises ValueError with a sentence."""

    context_id: str = "default"
    text: str = ""
    flush: bool = False
    close_context: bool = False
    close_socket: bool = False

    @classmethod
    def parse(cls, raw: str) -> _Asked:
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise ValueError("The message is not JSON.") from error
        if not isinstance(body, dict):
            raise ValueError("The message is not an object.")
        text, context_id = body.get("text") or "", body.get("context_id")
        context_id = "default" if context_id is None else context_id
        if not isinstance(text, str) or not isinstance(context_id, str):
            raise ValueError("text and context_id are strings.")
        flags = (bool(body.get(name)) for name in ("flush", "close_context", "close_socket"))
        return cls(context_id, text, *flags)


def _aligned(text: str, seconds: float) -> dict[str, Any]:
    """Each letter with its start and length in ms, shared out evenly."""
    edges = np.linspace(0.0, seconds * 1000.0, len(text) + 1).astype(int)
    return {
        "chars": list(text),
        "charStartTimesMs": edges[:-1].tolist(),
        "charDurationsMs": np.diff(edges).tolist(),
    }
