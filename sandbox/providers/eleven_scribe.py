"""ElevenLabs' Scribe realtime: speech to text over a websocket.

Protocol: https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.providers.ears import Ears
from sandbox.providers.faults import Vendor
from sandbox.providers.hearing import Event, Interim, Listener, Started, Utterance
from sandbox.providers.misbehaviour import meet_answer
from sandbox.providers.pcm import from_wire
from sandbox.providers.word_times import spread

_RATES = {"pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"}
_ENCODINGS = {f"{name}": "linear16" for name in _RATES} | {"ulaw_8000": "mulaw"}
_DEFAULT_SILENCE_SECONDS = 1.5
_IDLE_SECONDS = 30.0


class ScribeSocket:
    """One open socket: manual commits, or commits after `vad_silence_threshold_secs`."""

    def __init__(self, ears: Ears, vendor: Vendor, request: web.Request) -> None:
        self._ears, self._vendor, self._request = ears, vendor, request
        self._ws = web.WebSocketResponse(max_msg_size=1 << 20)

    async def run(self, *, refused: bool) -> web.StreamResponse:
        await self._ws.prepare(self._request)
        self._vendor.opened(self._request, "realtime")
        try:
            if refused:
                await self._fail("auth_error", "You must be authenticated to use this endpoint.")
            elif problem := self._configure():
                await self._fail("input_error", problem)
            else:
                await self._start()
                while await self._receive():
                    pass
        except ConnectionError:
            pass  # the client went away while it was being answered
        finally:
            self._vendor.closed(self._request)
        return self._ws

    def _configure(self) -> str:
        """Read the query. Returns what is wrong with it, or ""."""
        query = self._request.query
        audio_format = query.get("audio_format", "pcm_16000")
        if audio_format not in _ENCODINGS:
            return f"audio_format: one of {', '.join(sorted(_ENCODINGS))}."
        if not query.get("model_id"):
            return "model_id is required."
        strategy = query.get("commit_strategy", "manual")
        if strategy not in ("manual", "vad"):
            return "commit_strategy: manual or vad."
        try:
            silence = float(query.get("vad_silence_threshold_secs", _DEFAULT_SILENCE_SECONDS))
        except ValueError:
            return "vad_silence_threshold_secs is not a number."
        if not 0.1 <= silence <= 10:
            return "vad_silence_threshold_secs: 0.1 to 10."
        self._encoding = _ENCODINGS[audio_format]
        self._language = query.get("language_code", "")
        self._timestamps = query.get("include_timestamps") == "true"
        self._detect = query.get("include_language_detection") == "true"
        languages = {self._language, *query.getall("secondary_languages", [])}
        self._listener = Listener(
            self._ears,
            int(audio_format.split("_")[1]),
            self._language if len(languages) == 1 else "",
            endpointing=silence if strategy == "vad" else None,
        )
        return ""

    async def _start(self) -> None:
        config = {**self._request.query, "language_code": self._language or None}
        await self._send("session_started", session_id=uuid.uuid4().hex, config=config)

    async def _receive(self) -> bool:
        try:
            message = await self._ws.receive(timeout=_IDLE_SECONDS)
        except TimeoutError:
            await self._fail("session_time_limit_exceeded", "No audio was received in time.")
            return False
        if message.type is not WSMsgType.TEXT:
            if message.type is WSMsgType.BINARY:
                await self._fail("input_error", "Audio is sent as JSON, in audio_base_64.")
            return False
        try:
            audio, commit = _parse(message.data)
        except ValueError as error:
            await self._fail("input_error", str(error))
            return False
        async for event in self._listener.hear(from_wire(audio, self._encoding)):
            await self._tell(event)
        if commit:
            await self._commit()
        return not self._ws.closed

    async def _commit(self) -> None:
        said = [event async for event in self._listener.finish()]
        for event in said or [Utterance("", 0.0, "", self._listener.elapsed, 0.0, 0.0)]:
            await self._tell(event)

    async def _tell(self, event: Event) -> None:
        if isinstance(event, Started):
            return
        if isinstance(event, Interim):
            await self._send("partial_transcript", text=event.text)
            return
        if not await meet_answer(
            self._vendor, "realtime", self._request, self._ws, self._told_to_fail
        ):
            return
        await self._send("committed_transcript", text=event.text)
        if self._timestamps or self._detect:
            await self._send_timed(event)
        if event.audio_end_at:
            self._vendor.asked(
                "realtime",
                event="utterance",
                text=event.text,
                language=event.language,
                hearing=event.hearing,
                audio_end_at=event.audio_end_at,
                final_sent_at=time.time(),
            )

    async def _send_timed(self, heard: Utterance) -> None:
        words = [
            {"text": word, "start": start, "end": end, "type": "word", "logprob": -0.05}
            for word, start, end in spread(heard.text, heard.start, heard.duration)
        ]
        await self._send(
            "committed_transcript_with_timestamps",
            text=heard.text,
            language_code=(heard.language or self._language or "en").split("-")[0],
            words=words,
        )

    async def _told_to_fail(self, _status: int, message: str) -> None:
        await self._fail("transcriber_error", message)

    async def _fail(self, kind: str, message: str) -> None:
        await self._send(kind, error=message)
        await self._ws.close(code=1008, message=message.encode()[:120])

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._ws.send_json({"message_type": kind, **fields})


def _parse(raw: str) -> tuple[bytes, bool]:
    """(audio, commit) of a client message. Raises ValueError with a sentence."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ValueError("The message is not JSON.") from error
    if not isinstance(body, dict):
        raise ValueError("The message is not an object.")
    if body.get("message_type") == "commit":
        return b"", True
    if body.get("message_type") != "input_audio_chunk":
        raise ValueError("message_type: input_audio_chunk or commit.")
    try:
        audio = base64.b64decode(body.get("audio_base_64") or "", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise ValueError("audio_base_64 is not base64.") from error
    return audio, bool(body.get("commit"))
